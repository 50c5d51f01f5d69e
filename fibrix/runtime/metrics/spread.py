"""How values spread: a histogram of plain numbers."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Mapping
from typing import Final, Generic, TypeVar

L = TypeVar("L", bound=Hashable)

QUICK_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
"""Bounds for what should take milliseconds, in seconds."""
PATIENT_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Bounds for what waits for a peer, in seconds."""
LONG_S: Final = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0)
"""Bounds for what machines take, in seconds."""
COUNTS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
"""Bounds for sizes of batches."""


class Spread:
    """Counts values by the smallest bound that they do not exceed; one more count is for those beyond all bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> list[tuple[str, float]]:
        """Give how many values are within each bound, the bound as Prometheus writes it, up to `+Inf`."""
        buckets: list[tuple[str, float]] = []
        seen = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            seen += count
            buckets.append(("+Inf" if bound == float("inf") else repr(bound), float(seen)))
        return buckets


class Spreads(Generic[L]):
    """A spread for each label: a name, or a tuple of names."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._spreads: defaultdict[L, Spread] = defaultdict(lambda: Spread(bounds))

    def add(self, label: L, value: float) -> None:
        """Count one value."""
        self._spreads[label].add(value)

    def all(self) -> Mapping[L, Spread]:
        """Those that have a value."""
        return self._spreads
