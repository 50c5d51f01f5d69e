"""/readyz: whether the controller can do its work, for whoever must know without a key; why not, for who has one."""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

import fibrix
from fibrix.api.route import Call, Nothing, Reply, Route
from fibrix.api.v1.system import UP
from fibrix.domain.access import Permission
from fibrix.domain.ports.health import Check, Checks, HealthSource, ServiceHealth
from fibrix.errors import NotFoundError


class PartView(msgspec.Struct, frozen=True, kw_only=True):
    """A service, or something that the controller stands on. `kind` is `service` or `check`."""

    name: str
    kind: str
    ready: bool
    state: str


class ReadyView(msgspec.Struct, frozen=True, kw_only=True):
    """`ready`; `degraded`: it works, but not all is well; `not ready`: a service or the store does not work."""

    status: str
    parts: Sequence[PartView]


class ReasonedPart(PartView, frozen=True, kw_only=True):
    """The same with the reason, and what to do."""

    reason: str
    restarts: int


class ReadinessView(msgspec.Struct, frozen=True, kw_only=True):
    """The same with all reasons."""

    status: str
    version: str
    parts: Sequence[ReasonedPart]


def _service(service: ServiceHealth) -> ReasonedPart:
    up = service.state == UP
    reason = "" if up else service.last_error or "it has not started yet"
    return ReasonedPart(
        name=service.name, kind="service", ready=up, state=service.state, reason=reason, restarts=service.restarts
    )


def _check(check: Check) -> ReasonedPart:
    state = "ok" if check.ok else "failed" if check.vital else "degraded"
    return ReasonedPart(
        name=check.name, kind="check", ready=check.ok or not check.vital, state=state, reason=check.reason, restarts=0
    )


def _status(parts: Sequence[ReasonedPart]) -> str:
    if not all(part.ready for part in parts):
        return "not ready"
    return "degraded" if any(part.reason for part in parts) else "ready"


def _bare(part: ReasonedPart) -> PartView:
    return PartView(name=part.name, kind=part.kind, ready=part.ready, state=part.state)


class ReadinessRoutes:
    """Readiness. 503: not ready."""

    def __init__(self, health: HealthSource, checks: Checks) -> None:
        self._health = health
        self._checks = checks

    def routes(self) -> list[Route]:
        """The part of the route table."""
        one = "/readyz/{part}"
        said = "Say whether the controller can do its work; 503: not. Names and states only"
        whole = "Say whether the controller can do its work, with reasons; 503: not"
        return [
            Route("GET", "/readyz", self.ready, Permission.PUBLIC, said),
            Route(
                "GET", one, self.part, Permission.PUBLIC, "Say whether one part is ready; 503: not", (NotFoundError,)
            ),
            Route("GET", "/api/v1/readiness", self.readiness, Permission.INSPECT, whole),
        ]

    async def ready(self, _: Call[Nothing, Nothing]) -> Reply[ReadyView]:
        """Reasons may name what is inside: addresses, files. Nobody without a key is told them."""
        parts = self._parts()
        view = ReadyView(status=_status(parts), parts=[_bare(part) for part in parts])
        return Reply(view, status=_code(ready=all(part.ready for part in parts)))

    async def part(self, call: Call[Nothing, Nothing]) -> Reply[PartView]:
        """One service, or one check."""
        for part in self._parts():
            if part.name == call.path["part"]:
                return Reply(_bare(part), status=_code(ready=part.ready))
        names = ", ".join(part.name for part in self._parts())
        raise NotFoundError(f"there is no such part of the controller: {names}")

    async def readiness(self, _: Call[Nothing, Nothing]) -> Reply[ReadinessView]:
        """All of it."""
        parts = self._parts()
        view = ReadinessView(status=_status(parts), version=fibrix.__version__, parts=parts)
        return Reply(view, status=_code(ready=all(part.ready for part in parts)))

    def _parts(self) -> list[ReasonedPart]:
        return [_service(s) for s in self._health.health()] + [_check(c) for c in self._checks.checks()]


def _code(*, ready: bool) -> int:
    return HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
