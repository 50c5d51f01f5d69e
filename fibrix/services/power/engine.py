"""When to read which machine's power state, and what an action needs. Pure: time and chance come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fibrix.domain.power import Bmc, PowerAction, PowerKind, PowerReading, PowerState
from fibrix.errors import PowerError
from fibrix.types import MachineId

SETTLE_S: Final = 0.5
"""First wait after an action; each further one is twice as long, until it is the usual interval."""

_JITTER: Final = 0.2  # of a wait: what was read at once drifts apart
_BLIND_IS_FINE: Final = frozenset({PowerKind.WOL, PowerKind.MANUAL})


@dataclass(slots=True)
class _Turn:
    """When a machine is next, and why then."""

    bmc: Bmc
    at: float
    failures: int = 0  # in a row
    settle_s: float = 0.0  # 0: nothing was done lately
    reading: bool = False


class Schedule:
    """Whose power state is to be read when. Times are monotonic seconds, `chance` is in [0, 1)."""

    def __init__(self, *, interval_s: float, dead_interval_s: float) -> None:
        self._interval_s = interval_s
        self._dead_interval_s = max(dead_interval_s, interval_s)
        self._turns: dict[MachineId, _Turn] = {}

    def follow(self, bmcs: Mapping[MachineId, Bmc], *, now: float) -> None:
        """Take over the machines of a snapshot: new ones and ones with another BMC are due at once."""
        old = self._turns
        self._turns = {
            machine: old[machine] if machine in old and old[machine].bmc == bmc else _Turn(bmc, now)
            for machine, bmc in bmcs.items()
        }

    def due(self, *, now: float) -> list[Bmc]:
        """Give those whose turn it is; they are not given again until `ended` or `skipped`."""
        turns = [turn for turn in self._turns.values() if not turn.reading and turn.at <= now]
        for turn in turns:
            turn.reading = True
        return [turn.bmc for turn in turns]

    def next_at(self) -> float | None:
        """When somebody is due; None: nobody is, until something changes."""
        return min((turn.at for turn in self._turns.values() if not turn.reading), default=None)

    def ended(self, bmc: Bmc, *, readable: bool, now: float, chance: float) -> bool:
        """Note that a read ended, and set the next turn. True when it became readable, or no longer is.

        One that cannot be read is asked half as often each time, down to the dead interval.
        """
        turn = self._turns.get(bmc.machine)
        if turn is None or turn.bmc != bmc:
            return False
        news = readable == bool(turn.failures)
        turn.failures = 0 if readable else turn.failures + 1
        turn.reading = False
        turn.at = now + self._wait_s(turn) * (1 - _JITTER / 2 + _JITTER * chance)
        return news

    def skipped(self, bmc: Bmc, *, now: float) -> None:
        """Note that a turn passed without a read, because a command was at the machine."""
        turn = self._turns.get(bmc.machine)
        if turn is not None and turn.bmc == bmc:
            turn.reading = False
            turn.at = now + self._interval_s

    def acted(self, bmc: Bmc, *, now: float) -> None:
        """Note that an action was carried out: its effect is looked for soon, then less and less soon."""
        turn = self._turns.get(bmc.machine)
        if turn is not None:
            turn.settle_s = SETTLE_S
            turn.at = now + SETTLE_S

    def _wait_s(self, turn: _Turn) -> float:
        if turn.failures:
            turn.settle_s = 0.0
            # The exponent is bounded because a float is not.
            return float(min(self._interval_s * 2 ** min(turn.failures, 32), self._dead_interval_s))
        turn.settle_s = turn.settle_s * 2 if turn.settle_s * 2 < self._interval_s else 0.0
        return turn.settle_s or self._interval_s


def needed(kind: PowerKind, action: PowerAction, reading: PowerReading) -> bool:
    """Say whether an action is to be sent, by the state just read. False: the machine is that way already.

    Wake-on-LAN cannot see that a machine is off, only that it was on a moment ago, and waking does no harm to one
    that is on: it is always sent. Nor is anything blind about asking a person. All else needs a state that is known.
    Raises PowerError when it is not, and for `cycle` of a machine that is off, whatever its kind.
    """
    if kind is PowerKind.WOL:
        return True
    if reading.state is PowerState.UNKNOWN:
        if kind in _BLIND_IS_FINE:
            return True
        raise PowerError(f"{action.value}: not without knowing whether the machine is on: {reading.detail}")
    if action is PowerAction.CYCLE:
        if reading.state is PowerState.OFF:
            raise PowerError("cycle: the machine is off: power it on instead")
        return True
    wanted = PowerState.ON if action is PowerAction.ON else PowerState.OFF
    return reading.state is not wanted
