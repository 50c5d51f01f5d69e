"""What every event has."""

from datetime import datetime
from typing import ClassVar

import msgspec

from fibrix.types import TenantId


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A past fact on the bus. It cannot fail, and nobody waits for a listener.

    An event that is appended to the journal carries its sequence number from then on; a high-rate fact never does.
    """

    TYPE: ClassVar[str]  # `noun.verb`, as integrators see it behind `fibrix.`
    at: datetime  # UTC, aware
    seq: int = 0  # of the journal; 0: not journaled
    cause: int = 0  # sequence number of the event that led to this one; 0: none known
    tenant: TenantId = TenantId("")  # whose thing it is about: besides the region's users, only that tenant's are told
    request: str = ""  # id of the API request that it comes from; empty: it came about by itself

    @classmethod
    def types(cls) -> tuple[str, ...]:
        """Every `type` that an event of this class may have."""
        return (cls.TYPE,)

    @property
    def type(self) -> str:
        """The CloudEvents type without its `fibrix.` prefix."""
        return self.TYPE

    @property
    def subject(self) -> str:
        """What it is about, as an API path below `/api/v1/`: `machines/m0123456789`. Empty: the controller."""
        return ""
