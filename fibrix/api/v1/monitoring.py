"""/metrics, and /api/v1/service-discovery/prometheus: what a monitoring system asks for."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from fibrix.api.route import Call, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.ports.monitoring import Metrics, Target, Targets

NODE_EXPORTER = 9100


class TargetQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which exporter of the machines is to be scraped."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = NODE_EXPORTER


class MonitoringRoutes:
    """Metrics and targets."""

    def __init__(self, metrics: Metrics, targets: Targets) -> None:
        self._metrics = metrics
        self._targets = targets

    def routes(self) -> list[Route]:
        """The part of the route table."""
        shown = "Give the controller's metrics, for Prometheus"
        found = "List deployed machines as targets, for Prometheus' HTTP service discovery"
        return [
            Route("GET", "/metrics", self.metrics, Permission.INSPECT, shown, media="text/plain"),
            Route("GET", "/api/v1/service-discovery/prometheus", self.targets, Permission.READ, found),
        ]

    async def metrics(self, _: Call[Nothing, Nothing]) -> Reply[bytes]:
        """The text exposition format has no charset but UTF-8."""
        return Reply(await self._metrics.text())

    async def targets(self, call: Call[Nothing, TargetQuery]) -> Reply[Sequence[Target]]:
        """A tenant gets its own machines."""
        return Reply(self._targets.targets(call.caller, call.query.port))
