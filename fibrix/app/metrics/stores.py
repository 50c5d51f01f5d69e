"""What a database counts."""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric

from fibrix.runtime.metrics import catalog
from fibrix.store.db import Database


def database(store: str, db: Database) -> Iterable[Metric]:
    """Read the numbers of one database."""
    log = db.path.with_name(f"{db.path.name}-wal")
    yield catalog.STORE_BYTES.of({(store, "database"): _size(db.path), (store, "log"): _size(log)})
    yield catalog.STORE_QUEUED.of({store: db.queued})
    yield catalog.COMMIT_SECONDS.of([(store, db.meter.seconds)])
    yield catalog.COMMIT_UNITS.of([(store, db.meter.units)])
    yield catalog.COMMIT_FAILURES.of({store: db.meter.failures})


def _size(path: Path) -> int:
    """The size of a file in bytes; SQLite removes its log when nothing is in it."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
