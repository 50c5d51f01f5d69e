"""Looks at what the controller stands on, again and again, so that whoever asks is answered at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from fibrix.domain.ports.health import Check
from fibrix.errors import FibrixError

log = structlog.get_logger()

_LOOK_S: Final = 10.0
_PATIENCE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Probe:
    """One look. It gives the reason why all is not well, or an empty text; a FibrixError is a reason too."""

    look: Callable[[], Awaitable[str]]
    vital: bool = False  # nothing works without it


class Surroundings:
    """A service, and the port `domain.ports.health.Checks`. A public question costs no look of its own."""

    name = "surroundings"

    def __init__(
        self, probes: Mapping[str, Probe], *, look_s: float = _LOOK_S, patience_s: float = _PATIENCE_S
    ) -> None:
        self._probes = dict(probes)
        self._look_s = look_s
        self._patience_s = patience_s
        self._checks = {name: Check(name=name, vital=probe.vital) for name, probe in probes.items()}

    def checks(self) -> Sequence[Check]:
        """What the last look found; before the first look all is well."""
        return tuple(self._checks.values())

    async def run(self, ready: asyncio.Event) -> None:
        """Look until cancelled."""
        await self.look()
        ready.set()
        while True:
            await asyncio.sleep(self._look_s)
            await self.look()

    async def look(self) -> None:
        """Look once, at everything."""
        for name, probe in self._probes.items():
            reason = await self._answer(probe)
            if reason != self._checks[name].reason:
                log.log(
                    logging.WARNING if reason else logging.INFO,
                    "check.changed",
                    check=name,
                    reason=reason or "all is well again",
                )
            self._checks[name] = Check(name=name, vital=probe.vital, reason=reason)

    async def _answer(self, probe: Probe) -> str:
        try:
            async with asyncio.timeout(self._patience_s):
                return await probe.look()
        except FibrixError as exc:
            return str(exc)
        except TimeoutError:
            return f"no answer within {self._patience_s:g} s"
