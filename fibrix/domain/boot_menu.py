"""What a machine that asks in iPXE is told to boot: one table over its boot entry, its subnet and what is built."""

import msgspec

from fibrix.domain.network import Subnet, UnknownPolicy
from fibrix.domain.rack import BootAction, BootEntry, RackSnapshot
from fibrix.types import MacAddress


class BootPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is done and why. The token is a secret: this never reaches a log or an event."""

    action: BootAction
    known: bool  # there was a boot entry
    reason: str  # for whoever stands before the machine
    ephemeral: str = ""  # folder of the ephemeral OS
    console: str = ""
    agent_url: str = ""  # on this subnet
    token: str = ""

    def __repr__(self) -> str:
        """Name the plan without its token."""
        return f"BootPlan({self.action.value}, {self.reason!r})"


def plan(snapshot: RackSnapshot, subnet: Subnet, mac: MacAddress) -> BootPlan:
    """Choose for the machine that has this MAC and stands on this subnet."""
    entry = snapshot.boot.get(mac)
    if entry is None:
        return _unknown(subnet.unknown, mac)
    match entry.action:
        case BootAction.DISK:
            return BootPlan(action=BootAction.DISK, known=True, reason=f"{_name(entry)} boots from its disk")
        case BootAction.WAIT:
            return _waiting(f"{_name(entry)} waits: there is nothing to do yet")
        case BootAction.EPHEMERAL if not snapshot.ephemeral:
            return _waiting(f"{_name(entry)} waits: the ephemeral OS is not built yet")
        case BootAction.EPHEMERAL:
            return BootPlan(
                action=BootAction.EPHEMERAL,
                known=True,
                reason=f"{_name(entry)} boots the ephemeral OS",
                ephemeral=snapshot.ephemeral,
                console=snapshot.console,
                agent_url=entry.agent_url.replace("{address}", str(subnet.address)),
                token=entry.token,
            )


def _unknown(policy: UnknownPolicy, mac: MacAddress) -> BootPlan:
    match policy:
        case UnknownPolicy.ENLIST:
            reason = f"{mac} is not known here: it waits to be accepted"
            return BootPlan(action=BootAction.WAIT, known=False, reason=reason)
        case UnknownPolicy.IGNORE:
            return BootPlan(action=BootAction.DISK, known=False, reason=f"{mac} is not known here")


def _waiting(reason: str) -> BootPlan:
    return BootPlan(action=BootAction.WAIT, known=True, reason=reason)


def _name(entry: BootEntry) -> str:
    return entry.hostname or entry.machine
