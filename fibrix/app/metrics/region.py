"""What the region's side shows: its journal, its machines, its operations."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client.metrics_core import Metric

from fibrix.app.metrics.stores import database
from fibrix.controllers.durations import Durations
from fibrix.domain.machine import Machine
from fibrix.domain.operation import Operation
from fibrix.domain.power import PowerState
from fibrix.domain.state import PASSING, State
from fibrix.domain.webhook import Letter, LetterState
from fibrix.runtime.metrics import catalog
from fibrix.store.region import Region

MACHINES_AT_MOST: Final = 500
"""So many machines have a metric of their own, the oldest ones, where the configuration asks for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionMeters:
    """The region, for reading its numbers."""

    region: Region
    durations: Durations
    per_machine: bool
    now: Callable[[], datetime]

    def read(self) -> Iterable[Metric]:
        """Read all of them."""
        journal, region = self.region.journal, self.region
        yield from database("region", region.db)
        yield catalog.JOURNAL_HEAD.one(journal.head)
        yield catalog.JOURNAL_OLDEST.one(journal.oldest)
        yield catalog.JOURNAL_ENTRIES.one(journal.head - journal.oldest + 1)
        yield from self._machines(self.now())
        letters = Counter({state.value: 0 for state in LetterState})
        letters.update(letter.state.value for letter in region.of(Letter).all())
        yield catalog.LETTERS.of(letters)
        operations = Counter((one.kind, one.state.value) for one in region.of(Operation).all())
        yield catalog.OPERATIONS.of(operations)
        zones = region.served.all()
        yield catalog.DNS_RECORDS.of({name: sum(map(len, zone.records.values())) for name, zone in zones.items()})
        yield catalog.DNS_SERIAL.of({name: zone.serial for name, zone in zones.items()})
        yield catalog.OPERATION_SECONDS.of(self.durations.operations.all().items())

    def _machines(self, now: datetime) -> Iterable[Metric]:
        machines = self.region.machines()
        states = Counter({state.value: 0 for state in State})
        power = Counter({state.value: 0 for state in PowerState})
        oldest = dict.fromkeys(PASSING, now)
        for machine in machines:
            states[machine.state.value] += 1
            power[machine.power_state.value] += 1
            if machine.state in oldest:
                oldest[machine.state] = min(oldest[machine.state], machine.since)
        yield catalog.MACHINES.of(states)
        yield catalog.MACHINES_POWER.of(power)
        yield catalog.STATE_OLDEST.of({state.value: (now - since).total_seconds() for state, since in oldest.items()})
        yield catalog.STATE_SECONDS.of(self.durations.states.all().items())
        if self.per_machine:
            yield catalog.MACHINE_POWERED.of(dict(_powered(machines[:MACHINES_AT_MOST])))


def _powered(machines: Iterable[Machine]) -> Iterable[tuple[tuple[str, str], float]]:
    """Say of each machine whose power state is known whether it is on."""
    for machine in machines:
        if machine.power_state is not PowerState.UNKNOWN:
            yield (machine.id, machine.name), float(machine.power_state is PowerState.ON)
