"""/api/v1/dhcp/stats and /api/v1/dns/stats: how both services fare, in numbers."""

from fibrix.api.route import Call, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.ports.traffic import DhcpTraffic, DnsTraffic, Traffic


class TrafficRoutes:
    """Traffic."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def routes(self) -> list[Route]:
        """The part of the route table."""
        see = Permission.INSPECT
        dhcp = "Show DHCP as it goes: messages, what is served and what not, other servers, who talks the most"
        dns = "Show DNS as it goes: queries, answers, forwarding, what is served and what not"
        return [
            Route("GET", "/api/v1/dhcp/stats", self.dhcp, see, dhcp),
            Route("GET", "/api/v1/dns/stats", self.dns, see, dns),
        ]

    async def dhcp(self, _: Call[Nothing, Nothing]) -> Reply[DhcpTraffic]:
        """Counted since the service was started."""
        return Reply(self._traffic.dhcp())

    async def dns(self, _: Call[Nothing, Nothing]) -> Reply[DnsTraffic]:
        """Counted since the service was started."""
        return Reply(self._traffic.dns())
