"""What a change of networks would lead to, in words: for whoever rehearses it."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from fibrix.domain.foreseen import Foreseen
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.network_kept import KeptSubnet
from fibrix.domain.network_rules import shown
from fibrix.domain.network_text import spec_of

_MODES: Final = {
    SubnetMode.SERVE: "it answers DHCP, with addresses and what to boot",
    SubnetMode.PROXY: "it says what to boot, beside another DHCP server",
    SubnetMode.OBSERVE: "it does not answer DHCP",
}
_TOLD: Final = frozenset(
    "routers dns_servers ntp_servers domain_name search_domains routes options mtu lease_s".split()
)
"""Fields that clients are told; each hears of a change when it asks next."""


def subnet_changed(before: KeptSubnet | None, after: KeptSubnet | None) -> Iterator[Foreseen]:
    """Tell what follows when a subnet that was `before` becomes `after`; None: it is not there."""
    if before is None and after is not None:
        yield Foreseen(what="subnet", subject="subnets", after="there", detail=f"{after.name}: {after.subnet.network}")
    elif after is None and before is not None:
        yield Foreseen(what="subnet", subject=f"subnets/{before.name}", before="there", detail=before.name)
    elif before is not None and after is not None:
        yield from _fields(before, after)
    yield from _dhcp(before.subnet if before else None, after.subnet if after else None)


def _fields(before: KeptSubnet, after: KeptSubnet) -> Iterator[Foreseen]:
    one, other = spec_of(before), spec_of(after)
    for field in changed_fields(before, after):
        detail = "clients hear of it when they ask next" if field in _TOLD else ""
        old, new = _text(getattr(one, field)), _text(getattr(other, field))
        yield Foreseen(what=field, subject=f"subnets/{before.name}", before=old, after=new, detail=detail)


def changed_fields(before: KeptSubnet, after: KeptSubnet) -> tuple[str, ...]:
    """Name the fields that differ, as the API has them."""
    one, other = spec_of(before), spec_of(after)
    return tuple(name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name))


def _text(value: object) -> str:
    plain = msgspec.to_builtins(value)
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def _dhcp(before: Subnet | None, after: Subnet | None) -> Iterator[Foreseen]:
    """Tell what DHCP does otherwise."""
    subnet = after or before
    if subnet is None:
        return
    subject = f"subnets/{subnet.name}" if before else "subnets"
    old, new = before.mode if before else SubnetMode.OBSERVE, after.mode if after else SubnetMode.OBSERVE
    if old is not new:
        detail = f"on {subnet.interface}" if subnet.interface else ""
        yield Foreseen(what="dhcp", subject=subject, before=_MODES[old], after=_MODES[new], detail=detail)
    pools = _pool(before), _pool(after)
    if pools[0] != pools[1]:
        words = "a lease outside of the ranges runs on until it ends, and is not renewed"
        yield Foreseen(what="dhcp", subject=subject, before=pools[0], after=pools[1], detail=words if before else "")


def _pool(subnet: Subnet | None) -> str:
    """Write which addresses anybody may get."""
    if subnet is None or subnet.mode is not SubnetMode.SERVE or not subnet.ranges:
        return ""
    count = sum(int(span.last) - int(span.first) + 1 for span in subnet.ranges)
    return f"{count} addresses: {_joined([shown(span) for span in subnet.ranges])}"


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(parts)
