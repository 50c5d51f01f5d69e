"""A family of metrics: its name, what it says, and how plain numbers become its samples."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from fibrix.runtime.metrics.spread import Spread


@dataclass(frozen=True, slots=True)
class _Family:
    """What every family has. Labels take few values, all of them known from the code or the configuration."""

    name: str  # as Prometheus has it: with its unit, and `_total` for counters
    help: str
    labels: tuple[str, ...] = ()


def _named(label: object, names: Sequence[str]) -> Sequence[str]:
    """Give a sample's labels: a tuple as it is, a lone one as a tuple; none where the family has none."""
    if not names:
        return ()
    return [str(part) for part in label] if isinstance(label, tuple) else (str(label),)


@dataclass(frozen=True, slots=True)
class Counter(_Family):
    """Something that only grows, from the start of the process."""

    def of(self, values: Mapping[Any, float]) -> Metric:
        """Make the metric of values by their label or labels."""
        metric = CounterMetricFamily(self.name.removesuffix("_total"), self.help, labels=self.labels)
        for label, value in values.items():
            metric.add_metric(_named(label, self.labels), value)
        return metric

    def one(self, value: float) -> Metric:
        """Make the metric of a family without labels."""
        return self.of({"": value})


@dataclass(frozen=True, slots=True)
class Gauge(_Family):
    """Something that comes and goes."""

    def of(self, values: Mapping[Any, float]) -> Metric:
        """Make the metric of values by their label or labels."""
        metric = GaugeMetricFamily(self.name, self.help, labels=self.labels)
        for label, value in values.items():
            metric.add_metric(_named(label, self.labels), value)
        return metric

    def one(self, value: float) -> Metric:
        """Make the metric of a family without labels."""
        return self.of({"": value})


@dataclass(frozen=True, slots=True)
class Histogram(_Family):
    """How something spreads."""

    def of(self, spreads: Iterable[tuple[object, Spread]]) -> Metric:
        """Make the metric of spreads with their label or labels."""
        metric = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for label, spread in spreads:
            metric.add_metric(_named(label, self.labels), buckets=spread.cumulative(), sum_value=spread.total)
        return metric

    def one(self, spread: Spread) -> Metric:
        """Make the metric of a family without labels."""
        return self.of([("", spread)])


Family = Counter | Gauge | Histogram
