"""Why a machine is where it is."""

from fibrix.controllers.heard import Heard
from fibrix.controllers.ports import Store
from fibrix.domain.lifecycle import offered
from fibrix.domain.machine import Machine
from fibrix.domain.ports.machines import Expectation, Why
from fibrix.domain.progress import Limits, awaited, gives_up_at, last_seen
from fibrix.types import MachineId


class Reasons:
    """Answers `why` from what is stored and what was heard."""

    def __init__(self, store: Store, heard: Heard, limits: Limits) -> None:
        self._store = store
        self._heard = heard
        self._limits = limits

    def why(self, machine: MachineId) -> Why:
        """Say why it is where it is. Raises NotFoundError."""
        found = self._heard.onto(self._store.machine(machine))
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
            next_steps=offered(found.state) if found.accepted else ("accept",),
        )


def _history(machine: Machine) -> tuple[Expectation, ...]:
    if machine.boot is None:
        return ()
    return tuple(
        Expectation(what=f"{s.stage.value}: {s.detail}" if s.detail else s.stage.value, at=s.at)
        for s in machine.boot.seen
    )
