"""What the DHCP server promised to whom: a binding, as it is kept in memory and on the disk."""

from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import IPv4Address
from typing import Final

import msgspec

from fibrix.types import MacAddress

SECOND_US: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


def instant_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time: leases are counted a lot, and plain numbers are quick to count."""
    return (moment - _EPOCH) // _US


def moment_of(instant: int) -> datetime:
    """The aware UTC time of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=instant)


class BindingState(Enum):
    """What a binding means while it has not expired."""

    BOUND = "bound"
    RELEASED = "released"  # given back; kept so that the machine finds its address again
    DECLINED = "declined"  # a client found someone else on it: nobody gets it until it expires


class Binding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An address and the machine that has, or last had it. Addresses and times are numbers; properties translate."""

    number: int  # the address
    subnet: str
    mac: MacAddress
    state: BindingState
    hostname: str = ""  # as the client told it
    since_us: int  # the machine got this address then: microseconds since 1970
    until_us: int  # it expires then
    left: int = 0  # the address that the machine had in this subnet before; 0: none, or this one. It is not stored

    @property
    def address(self) -> IPv4Address:
        """The address."""
        return IPv4Address(self.number)

    @property
    def since(self) -> datetime:
        """When the machine got this address."""
        return moment_of(self.since_us)

    @property
    def expires_at(self) -> datetime:
        """When it expires."""
        return moment_of(self.until_us)

    def shifted(self, by_us: int) -> "Binding":
        """The same span of time on a clock that was set: later by so many microseconds."""
        return msgspec.structs.replace(self, since_us=self.since_us + by_us, until_us=self.until_us + by_us)


class Client(msgspec.Struct, frozen=True, gc=False):
    """Who asks: a machine by its MAC, and the client identifier that it sent, for reservations that go by it."""

    mac: MacAddress
    identifier: str = ""  # option 61 as hex digits in lower case
