"""What the API asks of the region about boots that are over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from fibrix.domain.access import Caller
from fibrix.domain.machine import Boots
from fibrix.domain.state import State
from fibrix.types import BootId, MachineId

UNDER_WAY: Final = "under way"


class BootStep(msgspec.Struct, frozen=True, kw_only=True):
    """A stage that a boot reached, or a machine script that ran in it."""

    stage: str  # as `DHCPDISCOVER`; `scripts`: a script
    detail: str
    at: datetime
    took_s: float | None  # until the next step, or the end of the script or of the boot; null: it goes on


class PastBoot(msgspec.Struct, frozen=True, kw_only=True):
    """A boot: what was booted, what was seen of it and when, how it ended."""

    event: int  # sequence number of the first event that is kept of it
    id: BootId  # empty: nothing was ever seen of it
    boots: Boots | None  # null: its beginning is not kept
    states: tuple[State, ...]  # what it was for
    began_at: datetime
    ended_at: datetime | None
    took_s: float | None
    outcome: str  # `under way`, `succeeded`, `failed`, `timed out`, or what was asked for instead, as `abort`
    reason: str
    steps: tuple[BootStep, ...]


class BootBook(Protocol):
    """The boots of machines, as far as the journal reaches back."""

    async def boots(self, machine: MachineId, caller: Caller) -> Sequence[PastBoot]:
        """The last 100 of what the caller may see, the newest first. Raises NotFoundError, StoreError."""
        ...
