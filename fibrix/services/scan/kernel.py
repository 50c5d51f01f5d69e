"""What the kernel knows of addresses and routes, read from its tables (proc(5))."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path
from typing import Final

from fibrix.domain.network import AddressRange

_NET: Final = Path("/proc/thread-self/net")
_LINK: Final = 0x20  # scope of link-local addresses
_NOT_YET: Final = 0x40 | 0x08  # IFA_F_TENTATIVE, IFA_F_DADFAILED
_UP: Final = 0x1  # RTF_UP
_REJECT: Final = 0x200


def link_local(interface: str) -> IPv6Address | None:
    """Our link-local address on an interface; None: there is none that may be used."""
    return next(_link_locals(interface, _lines("if_inet6")), None)


def routed(spans: Sequence[AddressRange], interface: str) -> bool:
    """Whether there are routes by an interface to all of these addresses. Without one the kernel would ask its link."""
    routes = list(_routes(interface, _lines("route")))
    return all(any(span.first in route and span.last in route for route in routes) for span in spans)


def _lines(table: str) -> Sequence[str]:
    try:
        return _NET.joinpath(table).read_text("ascii").splitlines()
    except OSError:  # no such table: the kernel has no IPv6
        return ()


def _link_locals(interface: str, lines: Iterable[str]) -> Iterator[IPv6Address]:
    """A line: address, index, prefix length, scope, flags (all in hex), name of the interface."""
    for line in lines:
        address, _, _, scope, flags, name = line.split()
        if name == interface and int(scope, 16) == _LINK and not int(flags, 16) & _NOT_YET:
            yield IPv6Address(bytes.fromhex(address))


def _routes(interface: str, lines: Sequence[str]) -> Iterator[IPv4Network]:
    """A line: interface, destination, gateway, flags, 3 counters, mask, …; addresses as the machine's own numbers."""
    for line in lines[1:]:
        name, destination, _, flags, _, _, _, mask, *_ = line.split()
        if name == interface and int(flags, 16) & (_UP | _REJECT) == _UP:
            yield IPv4Network((_address(destination), str(_address(mask))))


def _address(digits: str) -> IPv4Address:
    return IPv4Address(bytes.fromhex(digits)[::-1])
