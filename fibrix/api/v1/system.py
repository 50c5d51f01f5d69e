"""The controller itself: its health, its document, what its refusals mean."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

import fibrix
from fibrix.api.once import Once
from fibrix.api.problems import BY_NAME
from fibrix.api.route import Call, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.ports.health import HealthSource
from fibrix.errors import NotFoundError

UP = "running"


class ServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """How a service of the controller fares."""

    name: str
    state: str
    restarts: int
    last_error: str


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """How the controller fares: `ok`, or `degraded` where a service is not running."""

    status: str
    version: str
    services: Sequence[ServiceView]


class SystemRoutes:
    """The controller."""

    def __init__(self, health: HealthSource, document: Callable[[], bytes]) -> None:
        self._health = health
        self._document = Once(document)

    def routes(self) -> list[Route]:
        """The part of the route table."""
        problem = "/api/v1/problems/{name}"
        return [
            Route("GET", "/healthz", self.health, Permission.PUBLIC, "Say how the controller fares; 503: not well"),
            Route("GET", "/api/v1/openapi.json", self.openapi, Permission.PUBLIC, "Give this document"),
            Route(
                "GET",
                problem,
                self.problem,
                Permission.PUBLIC,
                "Explain a kind of problem",
                (NotFoundError,),
                media="text/plain",
            ),
        ]

    async def health(self, _: Call[Nothing, Nothing]) -> Reply[HealthView]:
        """503 when a service is down, so that a load balancer or a monitor needs to read nothing."""
        services = [
            ServiceView(name=s.name, state=s.state, restarts=s.restarts, last_error=s.last_error)
            for s in self._health.health()
        ]
        good = all(service.state == UP for service in services)
        view = HealthView(status="ok" if good else "degraded", version=fibrix.__version__, services=services)
        return Reply(view, status=200 if good else 503)

    async def openapi(self, _: Call[Nothing, Nothing]) -> Reply[dict[str, Any]]:
        """Made once, when it is first asked for."""
        return Reply(msgspec.json.decode(await self._document.get()))

    async def problem(self, call: Call[Nothing, Nothing]) -> Reply[bytes]:
        """The text that a problem's `type` leads to."""
        kind = BY_NAME.get(call.path["name"])
        if kind is None:
            raise NotFoundError(f"there is no such kind of problem: {', '.join(BY_NAME)}")
        return Reply(f"{kind.title} ({kind.status})\n\n{kind.explanation}\n".encode(), media="text/plain")
