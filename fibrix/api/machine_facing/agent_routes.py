"""The agents' protocol over HTTP: each route is one call of the `Agents` port."""

import re
from typing import Final

import msgspec
from aiohttp import web

from fibrix.api.machine_facing.body import bearer, query_count, read, read_json
from fibrix.domain.ports.agents import Agents, Heartbeat, Hello, RunResult
from fibrix.errors import InvalidError
from fibrix.types import RunId, parse_mac

PREFIX: Final = "/agent/v1"

HELLO_BYTES: Final = 4 * 1024
OUTPUT_BYTES: Final = 64 * 1024
RESULT_BYTES: Final = 512 * 1024

_SECRET: Final = re.compile(r"[0-9a-f]{64}")
_RUN: Final = "{run:[A-Za-z0-9_-]{1,64}}"
_SCRIPT: Final = "{script:[a-z0-9][a-z0-9_-]{0,63}}"


class AgentRoutes:
    """Answers agents. UnauthorizedError of the port is 401: that boot is over."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    def routes(self) -> list[web.RouteDef]:
        """All routes, named so that a log can tell them without their path."""
        return [
            web.post(f"{PREFIX}/hello", self._hello, name="agent.hello"),
            web.get(f"{PREFIX}/orders", self._orders, name="agent.orders"),
            web.post(f"{PREFIX}/runs/{_RUN}/output", self._output, name="agent.output"),
            web.post(f"{PREFIX}/runs/{_RUN}/result", self._result, name="agent.result"),
            web.post(f"{PREFIX}/heartbeat", self._heartbeat, name="agent.heartbeat"),
            web.get(f"{PREFIX}/scripts/{_SCRIPT}", self._script, name="agent.script"),
        ]

    async def _hello(self, request: web.Request) -> web.Response:
        token = bearer(request)
        hello = _checked(await read_json(request, Hello, limit=HELLO_BYTES))
        return _json(await self._agents.hello(token, hello, address=request.remote or ""))

    async def _orders(self, request: web.Request) -> web.Response:
        return _json(await self._agents.order(bearer(request)))

    async def _output(self, request: web.Request) -> web.Response:
        secret, offset = bearer(request), query_count(request, "offset")
        data = await read(request, limit=OUTPUT_BYTES)
        kept = await self._agents.output(secret, RunId(request.match_info["run"]), offset, data)
        return _json({"offset": kept})

    async def _result(self, request: web.Request) -> web.Response:
        secret = bearer(request)
        result = await read_json(request, RunResult, limit=RESULT_BYTES)
        await self._agents.result(secret, RunId(request.match_info["run"]), result)
        return _json({})

    async def _heartbeat(self, request: web.Request) -> web.Response:
        secret = bearer(request)
        abort = await self._agents.heartbeat(secret, await read_json(request, Heartbeat, limit=HELLO_BYTES))
        return _json({"order": "abort" if abort else "go-on"})

    async def _script(self, request: web.Request) -> web.Response:
        text = await self._agents.script(bearer(request), request.match_info["script"])
        return web.Response(body=text, content_type="application/octet-stream")


def _checked(hello: Hello) -> Hello:
    """A hello whose MAC and secret can be. Raises InvalidError with the place, and without the secret."""
    try:
        mac = parse_mac(hello.mac)
    except InvalidError as exc:
        raise InvalidError(str(exc), pointer="/mac") from exc
    if not _SECRET.fullmatch(hello.secret):
        raise InvalidError("the secret must be 64 hex digits, in lower case", pointer="/secret")
    return msgspec.structs.replace(hello, mac=mac)


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
