"""What a machine gets that asks for a network boot: the ephemeral OS, its own disk, or to wait."""

from fibrix.domain.enter import content
from fibrix.domain.lifecycle import Content
from fibrix.domain.machine import Boots, Machine, Stage
from fibrix.domain.power import PowerKind
from fibrix.domain.progress import rank
from fibrix.domain.rack import BootAction
from fibrix.domain.state import PASSING


def expects_ephemeral(machine: Machine) -> bool:
    """Whether this machine is expected to boot the ephemeral OS just now: only then is a boot token given out.

    A machine whose power we can work is expected from the moment it is switched on; any other, all the time.
    """
    boot = machine.boot
    if machine.state not in PASSING or boot is None or boot.wind_down or boot.session_hash:
        return False
    if boot.boots is not Boots.EPHEMERAL:
        return False
    return machine.power.kind is not PowerKind.IPMI or rank(boot.stage) >= rank(Stage.POWERING_ON)


def boot_action(machine: Machine) -> BootAction:
    """Choose. A machine with an installed system boots its disk even when asked to boot from the network."""
    if expects_ephemeral(machine):
        return BootAction.EPHEMERAL
    written = machine.deployment is not None and machine.deployment.written
    if written or content(machine) is Content.INSTALLED:
        return BootAction.DISK
    return BootAction.WAIT
