"""The last boots of a machine, put together from the events that tell of them. Pure: entries of the journal come in."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

import msgspec

from fibrix.domain.machine import Boot, Boots, Stage
from fibrix.domain.ports.boots import UNDER_WAY, BootStep, PastBoot
from fibrix.domain.state import PASSING, State
from fibrix.domain.trigger import Trigger
from fibrix.types import BootId, RunId

PROGRESSED: Final = "machine.boot_progressed"
SCRIPT_STARTED: Final = "machine.script_started"
SCRIPT_ENDED: Final = "machine.script_ended"
REPORTED: Final = "machine.reported"


class Told(Protocol):
    """An entry of the journal."""

    @property
    def seq(self) -> int:
        """Its sequence number."""
        ...

    @property
    def at(self) -> datetime:
        """When it happened."""
        ...

    @property
    def type(self) -> str:
        """Its type, without the prefix."""
        ...

    @property
    def data(self) -> bytes:
        """Its own fields, a JSON object."""
        ...


class _Data(msgspec.Struct, frozen=True):
    """What is looked at of any of the events."""

    before: State | None = None
    after: State | None = None
    trigger: str = ""
    reason: str = ""
    boot: BootId = BootId("")
    stage: str = ""
    detail: str = ""
    run: RunId = RunId("")
    script: str = ""
    position: int = 0
    count: int = 0
    status: str = ""
    hostname: str = ""


_DECODER: Final = msgspec.json.Decoder(_Data)


@dataclass(slots=True)
class _Step:
    stage: str
    detail: str
    at: datetime
    run: RunId | None = None
    ended_at: datetime | None = None


@dataclass(slots=True)
class _Course:
    """A boot as far as it was told of."""

    event: int
    began_at: datetime
    boots: Boots | None
    states: tuple[State, ...]
    id: BootId | None = None
    steps: list[_Step] = field(default_factory=list)
    ended_at: datetime | None = None
    outcome: str = UNDER_WAY
    reason: str = ""

    def end(self, at: datetime, outcome: str, reason: str) -> None:
        self.ended_at, self.outcome, self.reason = at, outcome, reason

    def shown(self) -> PastBoot:
        """Show it: a step takes until the next one, or until its script or the boot ended."""
        ends = [step.at for step in self.steps[1:]] + [self.ended_at]
        steps = [
            BootStep(stage=one.stage, detail=one.detail, at=one.at, took_s=_seconds(one.at, one.ended_at or until))
            for one, until in zip(self.steps, ends, strict=False)
        ]
        return PastBoot(
            event=self.event,
            id=self.id or BootId(""),
            boots=self.boots,
            states=self.states,
            began_at=self.began_at,
            ended_at=self.ended_at,
            took_s=_seconds(self.began_at, self.ended_at),
            outcome=self.outcome,
            reason=self.reason,
            steps=tuple(steps),
        )


class BootHistory:
    """Takes a machine's entries in their order, and remembers its last boots."""

    def __init__(self, most: int) -> None:
        self._courses: deque[_Course] = deque(maxlen=most)
        self._takers: Mapping[str, Callable[[Told, _Data], None]] = {
            PROGRESSED: self._progressed,
            SCRIPT_STARTED: self._script_started,
            SCRIPT_ENDED: self._script_ended,
            REPORTED: self._reported,
        }

    def take(self, told: Told) -> None:
        """Take an entry: a change of state, or one of the types that are named above."""
        self._takers.get(told.type, self._state_changed)(told, _DECODER.decode(told.data))

    def boots(self, present: Boot | None = None) -> tuple[PastBoot, ...]:
        """Give them, the newest first. `present`: the machine's boot, which knows what is not told of."""
        newest = self._courses[-1] if self._courses else None
        if newest is not None and present is not None and newest.id in (None, present.id):
            newest.id, newest.boots = present.id, present.boots
        return tuple(course.shown() for course in reversed(self._courses))

    @property
    def _open(self) -> _Course | None:
        newest = self._courses[-1] if self._courses else None
        return newest if newest is not None and newest.ended_at is None else None

    def _begin(self, told: Told, boots: Boots | None, *states: State) -> _Course:
        course = _Course(told.seq, told.at, boots, states)
        self._courses.append(course)
        return course

    def _state_changed(self, told: Told, data: _Data) -> None:
        course = self._open
        goes_on = data.before in PASSING and data.trigger == Trigger.SUCCEEDED.value
        if data.after is None:
            return
        if course is not None and goes_on and data.after in PASSING:
            course.states = (*course.states, data.after)
            return
        if course is not None:
            course.end(told.at, data.trigger, data.reason)
        if data.after in PASSING and data.after is not State.EXITING_RESCUE_MODE:
            fresh = self._begin(told, Boots.EPHEMERAL, data.after)
            fresh.steps.append(_Step(Stage.ASKED.value, data.reason, told.at))

    def _progressed(self, told: Told, data: _Data) -> None:
        """Add a step. That another boot is asked for means that it follows on one that did its work."""
        course, asked = self._open, data.stage == Stage.ASKED.value
        if course is None or (course.id and course.id != data.boot) or (asked and course.steps):
            states = course.states[-1:] if course is not None else ()
            if course is not None:
                course.end(told.at, Trigger.SUCCEEDED.value, data.detail)
            course = self._begin(told, Boots.INSTALLED if asked else None, *states)
        course.id = data.boot
        course.steps.append(_Step(data.stage, data.detail, told.at))

    def _script_started(self, told: Told, data: _Data) -> None:
        course = self._open
        if course is not None:
            detail = f"{data.script}, {data.position} of {data.count}"
            course.steps.append(_Step(Stage.SCRIPTS.value, detail, told.at, data.run))

    def _script_ended(self, told: Told, data: _Data) -> None:
        course = self._open
        for step in course.steps if course is not None else ():
            if step.run == data.run:
                words = f"{data.status}: {data.reason}" if data.reason else data.status
                step.detail, step.ended_at = f"{step.detail}: {words}", told.at

    def _reported(self, told: Told, data: _Data) -> None:
        course = self._open
        if course is not None:
            course.steps.append(_Step(Stage.DONE.value, f"reported in as {data.hostname}", told.at))


def _seconds(since: datetime, until: datetime | None) -> float | None:
    return None if until is None else (until - since).total_seconds()
