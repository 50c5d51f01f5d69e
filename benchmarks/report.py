"""The one form in which a benchmark says what it measured."""

import json
from collections.abc import Sequence
from statistics import median


def row(case: str, ours: float, peer: float | None, unit: str) -> dict[str, object]:
    """Make one row; `ratio` is ours over the peer's."""
    ratio = None if peer is None else round(ours / peer, 2)
    return {"case": case, "ours": _rounded(ours), "peer": _rounded(peer), "unit": unit, "ratio": ratio}


def middle(values: Sequence[float]) -> float:
    """The figure to quote of several interleaved rounds."""
    return median(values)


def report(name: str, rows: Sequence[dict[str, object]]) -> None:
    """Print the result as the last line: one JSON object."""
    print(json.dumps({"name": name, "rows": list(rows)}))


def _rounded(value: float | None) -> float | None:
    """Keep three digits that mean something."""
    return None if value is None else float(f"{value:.3g}")
