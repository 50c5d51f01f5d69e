"""Numbers into the text that Prometheus reads (its text exposition format, version 0.0.4)."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

Source: TypeAlias = Callable[[], Iterable[Metric]]
"""Reads numbers that belong to the event loop; it is called there, and must be quick."""


class _Read(Collector):
    """Metrics that have been read."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Give them."""
        return self._metrics


class Exposition:
    """All that is counted, as text."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources: Final = tuple(sources)

    async def text(self) -> bytes:
        """Read all numbers at once, on the loop; write them down in a thread, so that nobody waits meanwhile."""
        metrics = [metric for source in self._sources for metric in source()]
        return await asyncio.to_thread(_written, metrics)


def _written(metrics: Sequence[Metric]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Read(metrics))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return generate_latest(registry)
