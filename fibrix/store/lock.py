"""One process per store: a second controller on the same files is told so at once."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fibrix.errors import StoreError


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file of a store while the block runs; the file has the holder's process id in it.

    The kernel drops the lock with the process, however it ends. The file stays: removing it would let two processes
    lock two files of one name. Raises StoreError that names the holder.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise StoreError(f"{path.parent} is in use by process {holder}: stop that one first") from exc
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
