"""The route table, for tests that walk all of it, and paths of things that are not there."""

import dataclasses
import re
from pathlib import Path
from typing import Any, Final

from fibrix.api.route import Route, SocketRoute
from fibrix.api.service import ApiPorts, ApiService
from fibrix.config import ApiConfig

_UNUSED: Final[dict[str, Any]] = {field.name: None for field in dataclasses.fields(ApiPorts)}
_SERVICE: Final = ApiService(ApiConfig(), Path("/nowhere"), ApiPorts(**_UNUSED))

ROUTES: Final[tuple[Route, ...]] = _SERVICE.routes
"""Every route; their handlers have nothing behind them."""
SOCKETS: Final[tuple[SocketRoute, ...]] = _SERVICE.sockets
"""Every websocket."""


def name_of(route: Route | SocketRoute) -> str:
    """Name a route in the output of a test."""
    return f"{route.method} {route.path}" if isinstance(route, Route) else f"websocket {route.path}"


def path_to(route: Route | SocketRoute, **names: str) -> str:
    """Fill in the {names} of a path; those that are not given name things that are not there."""
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], _NOBODY.get(found[1], "nobody")), route.path)


_NOBODY: Final = {"mac": "525400770001"}
