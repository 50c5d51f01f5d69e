"""The demo's eyes: the controller's event stream, told on and sorted by machine."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from fibrix.domain.state import State
from fibrix.errors import LabError
from fibrix.lab.progress import Progress
from fibrix.runtime.api_stream import CloudEvent

_DEAD_ENDS: Final = {
    state.value
    for state in State
    if state is State.BROKEN or state is State.RELEASING_FAILED or state.name.startswith("FAILED_")
}

_STATE: Final = "state {after}: {reason}"
_SENTENCES: Final = {
    "discovered": "discovered: {manufacturer} {product} at {address}",
    "boot_progressed": "boot: {stage} {detail}",
    "boot_refused": "boot refused: {reason}",
    "power_acted": "power {action}: {why}",
    "script_started": "script {script} ({position} of {count})",
    "script_ended": "script {script} {status}: {reason}",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A machine came to a state, and why."""

    state: str
    reason: str


@dataclass(slots=True)
class Watch:
    """Follows the stream for as long as the demo runs."""

    progress: Progress
    names: dict[str, str]  # MAC → what the lab calls the machine
    _discovered: dict[str, "asyncio.Future[str]"] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)  # machine id → what the lab calls it
    _changes: dict[str, "asyncio.Queue[Change]"] = field(default_factory=lambda: defaultdict(asyncio.Queue))

    async def follow(self, events: AsyncIterator[CloudEvent]) -> None:
        """Read until cancelled. Raises ClientError when the stream is lost for good."""
        async for event in events:
            self.take(event)

    def take(self, event: CloudEvent) -> None:
        """Sort one event in."""
        data, kind = event.data, event.type.removeprefix("fibrix.machine.")
        machine = str(data.get("machine", ""))
        if kind == "discovered" and (name := self.names.get(data["mac"])):
            self._known[machine] = name
            future = self._future(data["mac"])
            if not future.done():
                future.set_result(machine)
        if name := self._known.get(machine):
            if text := _in_words(kind, data):
                self.progress.line(name, text)
            if "after" in data and "trigger" in data:
                self._changes[machine].put_nowait(Change(data["after"], data["reason"]))

    def _future(self, mac: str) -> "asyncio.Future[str]":
        if mac not in self._discovered:
            self._discovered[mac] = asyncio.get_running_loop().create_future()
        return self._discovered[mac]

    async def discovered(self, mac: str) -> str:
        """Wait until a machine with this MAC shows up; gives its id."""
        return await self._future(mac)

    async def reaches(self, machine: str, state: State) -> None:
        """Wait until the machine comes to a state. Raises LabError when it comes to a dead end instead."""
        while True:
            change = await self._changes[machine].get()
            if change.state == state.value:
                return
            if change.state in _DEAD_ENDS:
                raise LabError(f"{change.state}: {change.reason}")


def _in_words(kind: str, data: dict[str, object]) -> str:
    """Say an event in a line; empty for what an onlooker need not know."""
    template = _STATE if "after" in data and "trigger" in data else _SENTENCES.get(kind, "")
    return template.format_map(data).rstrip(": ")
