"""/api/v1/scripts: the machine scripts that there are."""

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.ports.scripts import ScriptInfo, ScriptList


class ScriptRoutes:
    """Machine scripts."""

    def __init__(self, scripts: ScriptList) -> None:
        self._scripts = scripts

    def routes(self) -> list[Route]:
        """The part of the route table."""
        summary = "List machine scripts, those of Fibrix and the operator's own"
        return [Route("GET", "/api/v1/scripts", self.listing, Permission.READ, summary)]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[ScriptInfo]]]:
        """By name."""
        return listing(ScriptInfo, self._scripts.all(), call.query, lambda script: script.name)
