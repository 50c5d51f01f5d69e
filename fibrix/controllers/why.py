"""Why a machine is where it is."""

from typing import Final

from fibrix.controllers.heard import Heard
from fibrix.controllers.ports import Store
from fibrix.domain.access import Caller, Permission, Role
from fibrix.domain.holding import as_held
from fibrix.domain.lifecycle import offered
from fibrix.domain.machine import Machine
from fibrix.domain.ports.machines import Expectation, Why
from fibrix.domain.progress import Limits, awaited, gives_up_at, last_seen
from fibrix.domain.trigger import Trigger
from fibrix.types import MachineId

OF_TENANTS: Final = frozenset({Trigger.DEPLOY.value, Trigger.RELEASE.value, Trigger.ABORT.value})
"""What a tenant's users may ask of a machine that is theirs."""


class Reasons:
    """Answers `why` from what is stored and what was heard."""

    def __init__(self, store: Store, heard: Heard, limits: Limits) -> None:
        self._store = store
        self._heard = heard
        self._limits = limits

    def why(self, machine: MachineId, caller: Caller) -> Why:
        """Say why it is where it is, and what the caller can do now. Raises NotFoundError.

        Of a boot from before a tenant got the machine, and of how its power is read, tenants are told nothing.
        """
        found = self._heard.onto(self._store.machine(machine))
        if caller.role is Role.TENANT:
            found = as_held(found)
        what = awaited(found)
        return Why(
            machine=found.id,
            name=found.name,
            state=found.state.value,
            since=found.since,
            reason=found.reason,
            power=found.power_state,
            power_detail=found.power_detail,
            last_seen=last_seen(found),
            awaited=Expectation(what=what, at=gives_up_at(found, self._limits)) if what else None,
            history=_history(found),
            next_steps=_next_steps(found, caller),
        )


def _next_steps(machine: Machine, caller: Caller) -> tuple[str, ...]:
    """Name the triggers that the machine's state and the caller's rights allow."""
    steps = offered(machine.state) if machine.accepted else ("accept",)
    if Permission.OPERATE in caller.may:
        return steps
    return tuple(step for step in steps if step in OF_TENANTS) if Permission.USE in caller.may else ()


def _history(machine: Machine) -> tuple[Expectation, ...]:
    if machine.boot is None:
        return ()
    return tuple(
        Expectation(what=f"{s.stage.value}: {s.detail}" if s.detail else s.stage.value, at=s.at)
        for s in machine.boot.seen
    )
