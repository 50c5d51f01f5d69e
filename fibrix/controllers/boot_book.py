"""The last boots of machines, from the journal."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from fibrix.domain.access import Caller, Role
from fibrix.domain.boot_history import PROGRESSED, REPORTED, SCRIPT_ENDED, SCRIPT_STARTED, BootHistory, Told
from fibrix.domain.holding import as_held
from fibrix.domain.machine import Machine
from fibrix.domain.ports.boots import PastBoot
from fibrix.domain.selection import Selection
from fibrix.events.machine import StateChanged
from fibrix.types import MachineId

_MOST: Final = 100
_PAGE: Final = 1000
_TYPES: Final = (*StateChanged.types(), PROGRESSED, SCRIPT_STARTED, SCRIPT_ENDED, REPORTED)


class Past(Protocol):
    """The part of the journal that is read."""

    async def since(self, seq: int, *, limit: int, wanted: Selection) -> Sequence[Told]:
        """Give entries in order; fewer than `limit`: there are no more. Raises StoreError."""
        ...


class JournalBoots:
    """Fits `domain.ports.boots.BootBook`. A tenant sees what happened while a machine was theirs."""

    def __init__(self, journal: Past, machine: Callable[[MachineId], Machine]) -> None:
        self._journal = journal
        self._machine = machine

    async def boots(self, machine: MachineId, caller: Caller) -> Sequence[PastBoot]:
        """The last boots, the newest first. Raises NotFoundError, StoreError."""
        found = self._machine(machine)
        wanted = Selection(types=_TYPES, machine=machine).seen_by(caller)
        history, seq = BootHistory(_MOST), 0
        while entries := await self._journal.since(seq, limit=_PAGE, wanted=wanted):
            for entry in entries:
                history.take(entry)
            if len(entries) < _PAGE:
                break
            seq = entries[-1].seq
        return history.boots(as_held(found).boot if caller.role is Role.TENANT else found.boot)
