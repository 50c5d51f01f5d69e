"""Which BMC may be a machine's: a guess to be offered, never to be acted on by itself.

What is known of a machine before it was inside: the MACs that it was heard with, the UUID that its firmware tells by
DHCP, a serial number from iPXE. A BMC that tells the same UUID, or has the serial number in its name, is the likeliest.
Else makers give the interfaces of one board MACs in a row: the BMC's stands before or behind the others'.
"""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from fibrix.domain.census.discovery import ipv4_of
from fibrix.domain.census.host import Host
from fibrix.domain.census.sighting import Role
from fibrix.types import MacAddress

NEXT: Final = 4
"""MACs at most so far from each other are next to each other: a board has up to four interfaces beside its BMC's."""
CLOSE: Final = 32
MOST: Final = 5

_LEAST_SERIAL: Final = 5  # characters; shorter ones are in many names by chance
_SAME_UUID: Final = 0
_SERIAL_IN_NAME: Final = 1
_ADJACENT: Final = 2
_NEAR: Final = 3


class BmcGuess(msgspec.Struct, frozen=True, kw_only=True):
    """A BMC that may be the machine's, and why."""

    mac: MacAddress
    address: str  # the IPv4 one that it used last; empty: none was heard
    reason: str
    likely: bool  # more than that it could be


def propose(
    macs: Collection[MacAddress], hosts: Iterable[Host], *, uuid: str = "", serial: str = ""
) -> tuple[BmcGuess, ...]:
    """Propose BMCs for the machine with these MACs, the best first. `hosts`: all that were heard, the machine's too.

    `uuid` and `serial`: where more is known of the machine than what was heard.
    """
    heard = list(hosts)
    uuids = {one.client.uuid for one in heard if one.mac in macs and one.client is not None} | {uuid.lower()}
    ranked = []
    for host in heard:
        if host.mac in macs or not is_bmc(host):
            continue
        found = _by_identity(host, uuids - {""}, serial) or _by_mac(host, macs)
        if found is not None:
            rank, distance, reason = found
            guess = BmcGuess(mac=host.mac, address=ipv4_of(host), reason=reason, likely=rank < _NEAR)
            ranked.append((rank, distance, host.mac, guess))
    return tuple(guess for *_, guess in sorted(ranked, key=lambda one: one[:3])[:MOST])


def is_bmc(host: Host) -> bool:
    """Whether a host has shown that it is a BMC."""
    return bool(host.bmc) or Role.BMC.value in host.roles


def _by_identity(host: Host, uuids: Collection[str], serial: str) -> tuple[int, int, str] | None:
    told = [one.name.lower() for one in host.services]
    told += [host.client.uuid] if host.client is not None else []
    for uuid in sorted(uuids):
        if any(uuid in one for one in told):
            return _SAME_UUID, 0, f"tells the machine's UUID, {uuid}"
    if len(serial) >= _LEAST_SERIAL:
        names = [one.name for one in host.names] + ([host.switch.name] if host.switch is not None else [])
        for name in names:
            if serial.lower() in name.lower():
                return _SERIAL_IN_NAME, 0, f"is named {name}, with the machine's serial number"
    return None


def _by_mac(host: Host, macs: Collection[MacAddress]) -> tuple[int, int, str] | None:
    """By the nearest of the machine's MACs of the same maker."""
    number = _number(host.mac)
    near = [(abs(number - _number(mac)), mac) for mac in macs if mac[:8] == host.mac[:8]]
    distance, mac = min(near, default=(CLOSE + 1, MacAddress("")))
    if distance > CLOSE:
        return None
    sign = "+" if number > _number(mac) else "-"
    where = "next" if distance <= NEXT else "close"
    return _ADJACENT if distance <= NEXT else _NEAR, distance, f"its MAC is {where} to {mac}: {sign}{distance}"


def _number(mac: MacAddress) -> int:
    return int(mac.replace(":", ""), 16)
