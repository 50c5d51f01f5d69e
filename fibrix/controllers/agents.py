"""The region's side of the agents' protocol: orders out, output and results in."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from fibrix.bus import Bus
from fibrix.controllers.heard import Heard
from fibrix.controllers.orders import Orders
from fibrix.controllers.ports import Store, Unit
from fibrix.controllers.results import take_result
from fibrix.controllers.sessions import Sessions
from fibrix.controllers.settle import Settler
from fibrix.domain.machine import Machine, ScriptRun
from fibrix.domain.ports.agents import Heartbeat, Hello, Order, RunResult, Welcome
from fibrix.domain.ports.scripts import Scripts
from fibrix.domain.state import PASSING
from fibrix.domain.verdict import ENDED
from fibrix.errors import NotFoundError
from fibrix.events.machine import MachineEvent
from fibrix.types import RunId

WAIT_S: Final = 20.0
"""An agent that asks for orders is answered after this long at the latest."""


class AgentController:
    """Fits `domain.ports.agents.Agents`."""

    def __init__(  # noqa: PLR0913 - collaborators, by keyword
        self,
        *,
        store: Store,
        bus: Bus,
        sessions: Sessions,
        orders: Orders,
        settler: Settler,
        scripts: Scripts,
        heard: Heard,
        heartbeat_s: int,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._bus = bus
        self._sessions = sessions
        self._orders = orders
        self._settler = settler
        self._scripts = scripts
        self._heard = heard
        self._heartbeat_s = heartbeat_s
        self._now = now

    async def hello(self, token: str, hello: Hello, *, address: str) -> Welcome:
        """Trade the boot token for a session. Raises UnauthorizedError."""
        machine = await self._sessions.open(token, hello, address)
        self._heard.agent(machine.id)
        return Welcome(machine=machine.id, heartbeat_s=self._heartbeat_s)

    async def order(self, secret: str) -> Order:
        """Give the next order, as soon as there is one, within WAIT_S. Raises UnauthorizedError."""
        ends_at = asyncio.get_running_loop().time() + WAIT_S
        with self._bus.subscribe(MachineEvent, name="agents") as changes:
            while True:
                machine = self._session(secret)
                order = await self._orders.next(machine)
                if order.kind != "wait":
                    return order
                try:
                    async with asyncio.timeout_at(ends_at):
                        await changes.batch()
                except TimeoutError:
                    return order

    async def output(self, secret: str, run: RunId, offset: int, data: bytes) -> int:
        """Keep output from byte `offset` on; says how many bytes there are. Raises UnauthorizedError, NotFoundError."""
        machine = self._session(secret)

        def work(unit: Unit) -> int:
            _find(unit, machine, run)
            return unit.append_output(run, offset, data)

        return await self._store.change(work)

    async def result(self, secret: str, run: RunId, result: RunResult) -> None:
        """Take a script's result; the same again changes nothing. Raises UnauthorizedError, NotFoundError."""
        machine = self._session(secret)

        def work(unit: Unit) -> None:
            found = _find(unit, machine, run)
            if found.status not in ENDED:
                take_result(unit, unit.machine(machine.id), found, result, self._now())

        await self._store.change(work)
        await self._settler.settle(machine.id)

    async def heartbeat(self, secret: str, beat: Heartbeat) -> bool:
        """Note a sign of life; True: abort what runs. Raises UnauthorizedError."""
        machine = self._session(secret)
        if not beat.run:
            return False
        running = {r.id for r in await self._store.runs(machine.id) if r.status not in ENDED}
        return machine.state not in PASSING or beat.run not in running

    async def script(self, secret: str, name: str) -> bytes:
        """Give a script's text. Raises UnauthorizedError, NotFoundError."""
        self._session(secret)
        return self._scripts.text(name)

    def _session(self, secret: str) -> Machine:
        machine = self._sessions.machine(secret)
        self._heard.agent(machine.id)
        return machine


def _find(unit: Unit, machine: Machine, run: RunId) -> ScriptRun:
    for found in unit.runs(machine.id):
        if found.id == run:
            return found
    raise NotFoundError(f"{machine.name} has no run {run}")
