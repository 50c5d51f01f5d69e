"""/api/v1/machines/{machine}/runs: machine scripts, their results and their output."""

from collections.abc import Callable, Sequence
from typing import Final

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.views import run_view
from fibrix.domain.access import Permission
from fibrix.domain.machine import ScriptRun
from fibrix.domain.ports.machines import Machines
from fibrix.errors import NotFoundError
from fibrix.types import RunId

BASE = "/api/v1/machines/{machine}/runs"
ONE = BASE + "/{run}"

_MOST_RUNS: Final = 10**9  # of one machine


class RunRoutes:
    """Script runs."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def routes(self) -> list[Route]:
        """The part of the route table."""
        here = (NotFoundError,)
        output = "Give what a script run printed, byte for byte"
        return [
            Route("GET", BASE, self.listing, Permission.READ, "List script runs, newest first", here),
            Route("GET", ONE, self.get, Permission.READ, "Show a script run with the values that it found", here),
            Route("GET", ONE + "/output", self.output, Permission.READ, output, here, media="application/octet-stream"),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[ScriptRun]]]:
        """Of all the machine's boots."""
        runs = await self._machines.runs(self._machines.get(call.path["machine"], call.caller).id, call.caller)
        return listing(ScriptRun, [run_view(run) for run in runs], call.query, newest_first(runs))

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[ScriptRun]:
        """One of them."""
        return Reply(run_view(await self._find(call)))

    async def output(self, call: Call[Nothing, Nothing]) -> Reply[bytes]:
        """As text where it is UTF-8 (`nosniff`: no browser is to take a script's output for a page)."""
        run = await self._find(call)
        data = await self._machines.output(run.machine, run.id, call.caller)
        headers = {"X-Content-Type-Options": "nosniff"}
        return Reply(data, headers=headers, media="text/plain" if _is_text(data) else "")

    async def _find(self, call: Call[Nothing, Nothing]) -> ScriptRun:
        """Find a run of this machine. Raises NotFoundError."""
        machine = self._machines.get(call.path["machine"], call.caller)
        wanted = RunId(call.path["run"])
        for run in await self._machines.runs(machine.id, call.caller):
            if run.id == wanted:
                return run
        raise NotFoundError(f"{machine.name} has no script run {wanted!r}: `runs` lists them")


def newest_first(runs: Sequence[ScriptRun]) -> Callable[[ScriptRun], str]:
    """Number runs that are given newest first, so that each keeps its number when there are more of them."""
    numbers = {run.id: f"{_MOST_RUNS - number:010}" for number, run in enumerate(reversed(runs))}
    return lambda run: numbers[run.id]


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data
