"""What the DNS service counts."""

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric

from fibrix.runtime.metrics import catalog
from fibrix.services.dns.service import DnsService


def read_dns(service: DnsService) -> Iterable[Metric]:
    """Read its numbers."""
    counts = service.counts
    unusable = {"records": counts.pop("unusable_records", 0), "zones": len(service.faults)}
    yield catalog.DNS_QUERIES.of(service.queries)
    yield catalog.DNS_ANSWERS.of(service.answers)
    yield catalog.DNS_EVENTS.of(counts)
    yield catalog.DNS_SERVING.of(dict.fromkeys(service.closed, 0) | dict.fromkeys(service.serving, 1))
    yield catalog.DNS_REMEMBERED.one(service.remembered)
    yield catalog.DNS_UNUSABLE.of(unusable)
