"""Which addresses nobody has: those that are looked for on the wire ahead of need."""

from typing import Final

from fibrix.domain.binding import SECOND_US, Binding, BindingState
from fibrix.domain.lease import Leases
from fibrix.domain.network import Subnet
from fibrix.types import MacAddress

_BEFORE_US: Final = 60 * SECOND_US  # an address that rests is looked for again so long before its rest is over


def vacant(leases: Leases, number: int, now_us: int) -> bool:
    """Whether nobody has, or is offered, an address; one whose rest is nearly over is vacant too."""
    if leases.is_offered(number, now_us):
        return False
    binding = leases.at(number)
    if binding is None:
        return True
    rests = binding.state is BindingState.DECLINED
    return binding.until_us <= (now_us + _BEFORE_US if rests else now_us)


def sits(leases: Leases, number: int, mac: MacAddress, now_us: int) -> bool:
    """Whether an address rests already because of this MAC: nothing new."""
    binding = leases.at(number)
    resting = binding is not None and binding.state is BindingState.DECLINED and binding.until_us > now_us
    return resting and binding is not None and binding.mac == mac


def occupy(leases: Leases, subnet: Subnet, number: int, mac: MacAddress, now_us: int) -> Binding | None:
    """Let a vacant address rest because `mac` answers for it; None when that is only the machine that last had it."""
    if not vacant(leases, number, now_us):
        return None
    binding = leases.at(number)
    if binding is not None and binding.state is not BindingState.DECLINED and binding.mac == mac:
        return None
    return leases.quarantine(subnet, mac, number, now_us, seen=True)
