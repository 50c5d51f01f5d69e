"""DHCP options that people give as octets: which they may, and why not the others."""

from collections.abc import Iterable, Iterator
from typing import Final

from fibrix.domain.network import DhcpOption
from fibrix.errors import Fault

_BY_ITSELF: Final = "Fibrix itself sets it, from what it knows of the client and the subnet"
_OF_CLIENTS: Final = "it is what clients and relays say, not what a server tells them"

_REFUSED: Final[dict[int, str]] = {
    0: "it is padding (RFC 2132 §3.1)",
    255: "it marks the end (RFC 2132 §3.2)",
    3: "give `routers`",
    6: "give `dns_servers`",
    12: "give the machine a name, or the reservation a `hostname`",
    15: "give `domain_name`",
    26: "give `mtu`",
    42: "give `ntp_servers`",
    51: "give `lease_s`",
    119: "give `search_domains`",
    121: "give `routes`",
    249: "give `routes`",
    66: "Fibrix chooses what a machine boots",
    67: "Fibrix chooses what a machine boots",
    175: "Fibrix tells iPXE what it needs",
    **dict.fromkeys((1, 28, 52, 53, 54, 56, 58, 59, 60), _BY_ITSELF),
    **dict.fromkeys((50, 55, 57, 61, 77, 81, 82, 90, 91, 92, 93, 94, 97, 118), _OF_CLIENTS),
}
"""Options that nobody gives as octets, with what to do instead or why. 43 may be given; a PXE client gets Fibrix's."""

MOST_OCTETS: Final = 1024
"""So long a value may be: a reply has to fit the client's buffer (RFC 2131 §2: 576 octets, more where it says so)."""
_CODES: Final = 255


def option_faults(options: Iterable[DhcpOption], pointer: str = "/options") -> Iterator[Fault]:
    """Find options that cannot be given, or that are given twice."""
    seen = set()
    for index, option in enumerate(options):
        where = f"{pointer}/{index}"
        if not 0 <= option.code <= _CODES:
            yield Fault(f"{option.code} is no code of an option: use 1 to 254", f"{where}/code")
        elif option.code in _REFUSED:
            yield Fault(f"option {option.code} cannot be given as octets: {_REFUSED[option.code]}", f"{where}/code")
        elif option.code in seen:
            yield Fault(f"option {option.code} is given twice", f"{where}/code")
        if not 1 <= len(option.value) <= MOST_OCTETS:
            words = f"option {option.code} has {len(option.value)} octets: 1 to {MOST_OCTETS} fit"
            yield Fault(words, f"{where}/value")
        seen.add(option.code)
