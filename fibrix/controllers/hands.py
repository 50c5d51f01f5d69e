"""A machine must not change hands between the look at it and the change that was decided on."""

from collections.abc import Callable

from fibrix.controllers.ports import Unit
from fibrix.domain.machine import Machine
from fibrix.errors import ConflictError


def same_hands(seen: Machine) -> Callable[[Unit, Machine], Machine]:
    """Make a look at the machine, for within the unit. Raises ConflictError when it is another tenant's by now.

    Without it, a customer's request that waits behind a release and an allocation would reach the next customer's
    machine. The words name nothing: whose the machine is by now is not the first one's to know.
    """

    def look(_: Unit, machine: Machine) -> Machine:
        if machine.tenant != seen.tenant or machine.allocated_at != seen.allocated_at:
            raise ConflictError("it was released or allocated while this was asked for: look at it again")
        return machine

    return look
