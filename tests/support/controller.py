"""A small real controller for tests of the agent: speaks docs/agent-protocol.md, and remembers all it heard.

It may be taken off the network and put back while machines talk to it: what it knows is kept.
"""

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

OUTPUT_BYTES = 4 << 20


@dataclass
class Run:
    """One order to run a script, and all that came of it."""

    id: str
    script: str
    text: bytes
    timeout_s: int
    parameters: dict[str, str]
    sha256: str
    output: bytearray = field(default_factory=bytearray)
    result: dict[str, Any] | None = None
    results: int = 0  # how often a result came
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    printed: asyncio.Event = field(default_factory=asyncio.Event)  # something of its output is here
    beaten: asyncio.Event = field(default_factory=asyncio.Event)  # a heartbeat named it

    @property
    def text_output(self) -> str:
        return self.output.decode(errors="replace")


class Controller:
    """Answers one machine. `url` is good while `serving`."""

    def __init__(self, token: str = "a-boot-token", *, heartbeat_s: float = 1.0) -> None:
        self.token = token
        self.heartbeat_s = heartbeat_s
        self.url = ""
        self.secret = ""
        self.mac = ""
        self.hello = asyncio.Event()
        self.hellos = 0
        self.beats: list[dict[str, Any]] = []
        self.runs: dict[str, Run] = {}
        self.ending = ""  # "power-off" or "reboot" once all runs have ended
        self.abort = False
        self.refuse = 0  # answer everything with this status
        self.files: dict[str, Path] = {}  # served with ranges, as images are
        self.file_asked = asyncio.Event()
        self._changed = asyncio.Event()

    def order(
        self,
        text: bytes | str,
        parameters: Mapping[str, str] | None = None,
        *,
        name: str = "test",
        timeout_s: int = 60,
        sha256: str = "",
    ) -> Run:
        """Have a script run after those ordered before it."""
        data = text.encode() if isinstance(text, str) else text
        digest = sha256 or hashlib.sha256(data).hexdigest()
        run = Run(f"r{len(self.runs)}", name, data, timeout_s, dict(parameters or {}), digest)
        self.runs[run.id] = run
        self._changed.set()
        return run

    def end(self, kind: str) -> None:
        """Power off or reboot once all scripts are done."""
        self.ending = kind
        self._changed.set()

    @asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Answer on this listening socket for as long as the block runs."""
        host, port = listener.getsockname()[:2]
        self.url = f"http://{host}:{port}/agent/v1/"
        runner = web.AppRunner(self._application(), shutdown_timeout=0.1, handle_signals=False)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        try:
            yield
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=1 << 20)
        base = "/agent/v1"
        app.router.add_post(f"{base}/hello", self._hello)
        app.router.add_get(f"{base}/orders", self._orders)
        app.router.add_get(f"{base}/scripts/{{name}}/{{run}}", self._script)
        app.router.add_post(f"{base}/runs/{{run}}/output", self._output)
        app.router.add_post(f"{base}/runs/{{run}}/result", self._result)
        app.router.add_post(f"{base}/heartbeat", self._heartbeat)
        app.router.add_get("/files/{name}", self._file)
        return app

    async def _hello(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.hellos += 1
        if self.refuse or request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=self.refuse or 403)
        if self.secret and body["secret"] != self.secret:
            return web.Response(status=403)
        assert len(bytes.fromhex(body["secret"])) == 32
        self.secret, self.mac = body["secret"], body["mac"]
        self.hello.set()
        return web.json_response({"machine": "m123456789", "heartbeat_s": self.heartbeat_s})

    def _check(self, request: web.Request) -> None:
        if self.refuse:
            raise web.HTTPForbidden
        if not self.secret or request.headers.get("Authorization") != f"Bearer {self.secret}":
            raise web.HTTPUnauthorized

    async def _orders(self, request: web.Request) -> web.Response:
        self._check(request)
        for _ in range(2):
            for run in self.runs.values():
                if not run.ended.is_set():
                    return web.json_response(self._run_order(run))
            if self.ending:
                return web.json_response({"kind": self.ending})
            self._changed.clear()
            try:
                async with asyncio.timeout(5):
                    await self._changed.wait()
            except TimeoutError:
                break
        return web.json_response({"kind": "wait"})

    def _run_order(self, run: Run) -> dict[str, Any]:
        return {
            "kind": "run",
            "run": run.id,
            "script": run.script,
            "url": f"scripts/{run.script}/{run.id}",
            "sha256": run.sha256,
            "timeout_s": run.timeout_s,
            "parameters": run.parameters,
            "offset": len(run.output),
        }

    async def _script(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.Response(body=self.runs[request.match_info["run"]].text)

    def _run(self, request: web.Request) -> Run:
        self._check(request)
        run = self.runs.get(request.match_info["run"])
        if run is None:
            raise web.HTTPNotFound
        return run

    async def _output(self, request: web.Request) -> web.Response:
        run = self._run(request)
        offset, data = int(request.query["offset"]), await request.read()
        assert len(data) <= 65536
        if offset == len(run.output):
            run.output += data[: OUTPUT_BYTES - offset]
            run.printed.set()
        return web.json_response({"offset": len(run.output)})

    async def _result(self, request: web.Request) -> web.Response:
        run = self._run(request)
        run.results += 1
        run.result = json.loads(await request.read())
        run.ended.set()
        return web.Response()

    async def _heartbeat(self, request: web.Request) -> web.Response:
        self._check(request)
        beat = await request.json()
        self.beats.append(beat)
        if beat["run"] in self.runs:
            self.runs[beat["run"]].beaten.set()
        return web.json_response({"order": "abort" if self.abort else "go-on"})

    async def _file(self, request: web.Request) -> web.FileResponse:
        self.file_asked.set()
        return web.FileResponse(self.files[request.match_info["name"]])
