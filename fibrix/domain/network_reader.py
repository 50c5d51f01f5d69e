"""Reading addresses, networks, names and octets that people wrote, with every fault told."""

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Final, TypeVar

from fibrix.domain.network import DhcpOption, StaticRoute
from fibrix.domain.network_spec import OptionSpec, RangeSpec, ReservedSpec, RouteSpec, SubnetSpec
from fibrix.errors import Fault, InvalidError

T = TypeVar("T")

_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?")
_NOWHERE: Final = IPv4Address(0)
_NO_NETWORK: Final = IPv4Network("0.0.0.0/32")


class NetworkReader:
    """Reads text, and notes what cannot be read."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def one(self, read: Callable[[str], T], text: str, pointer: str, stand_in: T) -> T:
        """Read one value; where it is none, note that and give what stands in for it."""
        try:
            return read(text)
        except (ValueError, InvalidError) as exc:
            self.faults.append(Fault(str(exc), pointer))
            return stand_in

    def address(self, text: str, pointer: str) -> IPv4Address:
        """Read an address."""
        return self.one(_address, text, pointer, _NOWHERE)

    def addresses(self, texts: tuple[str, ...], pointer: str) -> tuple[IPv4Address, ...]:
        """Read many."""
        return tuple(self.address(text, f"{pointer}/{i}") for i, text in enumerate(texts))

    def domain(self, text: str, pointer: str) -> str:
        """Read a domain name; empty is none."""
        return self.one(_domain, text, pointer, "") if text else ""

    def options(self, given: tuple[OptionSpec, ...]) -> tuple[DhcpOption, ...]:
        """Read options."""
        return tuple(
            DhcpOption(code=one.code, value=self.one(octets, one.value, f"/options/{i}/value", b"\0"))
            for i, one in enumerate(given)
        )

    def network(self, spec: SubnetSpec) -> IPv4Network:
        """Read the network of a subnet: given by itself, or by the prefix length of the address."""
        if spec.network:
            return self.one(_network, spec.network, "/network", _NO_NETWORK)
        if "/" in spec.address:
            return self.one(_loose_network, spec.address, "/address", _NO_NETWORK)
        self.faults.append(Fault("it is missing: give it as 192.168.1.0/24", "/network"))
        return _NO_NETWORK

    def spans(self, given: Sequence[RangeSpec | ReservedSpec], pointer: str) -> list[tuple[IPv4Address, IPv4Address]]:
        """Read the ends of ranges."""
        return [
            (self.address(one.first, f"{pointer}/{i}/first"), self.address(one.last, f"{pointer}/{i}/last"))
            for i, one in enumerate(given)
        ]

    def routes(self, given: tuple[RouteSpec, ...]) -> tuple[StaticRoute, ...]:
        """Read static routes."""
        return tuple(
            StaticRoute(
                destination=self.one(_network, one.destination, f"/routes/{i}/destination", _NO_NETWORK),
                router=self.address(one.router, f"/routes/{i}/router"),
            )
            for i, one in enumerate(given)
        )

    def close(self) -> None:
        """Raise InvalidError with all that was noted."""
        refuse(self.faults)


def refuse(faults: list[Fault]) -> None:
    """Raise InvalidError with these faults, if there are any."""
    if faults:
        first = faults[0].detail
        raise InvalidError(first if len(faults) == 1 else f"{first} (and {len(faults) - 1} more)", faults=faults)


def octets(text: str) -> bytes:
    """Read hex digits, with or without colons. Raises ValueError."""
    digits = text.strip().lower().replace(":", "")
    if not _HEX.fullmatch(digits):
        raise ValueError(f"{text!r} is not octets: write two hex digits for each, as 0a1b")
    return bytes.fromhex(digits)


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError as exc:
        raise ValueError(f"not an IPv4 address: {exc}") from None


def _network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as exc:
        raise ValueError(f"expected a network, as 192.168.1.0/24: {exc}") from None


def _loose_network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text, strict=False)
    except ValueError as exc:
        raise ValueError(f"expected an address with its prefix length, as 192.168.1.1/24: {exc}") from None


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise ValueError(f"{text!r} is no domain name: labels of 1 to 63 of a-z, 0-9 and -, with dots between them")
    return text
