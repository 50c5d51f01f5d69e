"""The life of a machine, as one table: state → trigger → edge.

The API's refusals, the steps that `why` offers and the diagram in docs/lifecycle.md are made from it. A person's
triggers lead into passing states; there the machine works until it succeeds, fails, runs out of time or is aborted.
A machine whose disks hold anything of a customer's becomes Ready only by way of Releasing, which wipes them: where
that matters, an edge depends on what the disks hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.errors import ConflictError

S = State
T = Trigger


class Effect(Enum):
    """What the controller does about the machine's power and boot when it takes an edge."""

    NOTHING = "nothing"
    BOOT = "boot the ephemeral OS"  # from scratch: a new boot
    CONTINUE = "go on in the ephemeral OS that runs"
    WIND_DOWN = "switch it off"


class Content(Enum):
    """What a machine's disks hold."""

    BLANK = "blank"  # nothing of a customer's
    PARTIAL = "partial"  # a deployment that was begun
    INSTALLED = "installed"  # a system that reported in


@dataclass(frozen=True, slots=True)
class Edge:
    """Where a trigger leads, and what is done on the way; `unless` holds the exceptions by what the disks hold."""

    target: State
    effect: Effect = Effect.NOTHING
    unless: Mapping[Content, "Edge"] = field(default_factory=dict)


def _work(on: State, failed: State, aborted: State, effect: Effect = Effect.WIND_DOWN) -> dict[Trigger, Edge]:
    """Build the row of a passing state: what it leads to when it succeeds, fails or is aborted."""
    return {
        T.SUCCEEDED: Edge(on, effect),
        T.FAILED: Edge(failed, Effect.WIND_DOWN),
        T.TIMED_OUT: Edge(failed, Effect.WIND_DOWN),
        T.ABORT: Edge(aborted, Effect.WIND_DOWN),
        T.MARK_BROKEN: Edge(S.BROKEN, Effect.WIND_DOWN),
    }


_COMMISSION: Final = {T.COMMISSION: Edge(S.COMMISSIONING, Effect.BOOT)}
_TEST: Final = {T.TEST: Edge(S.TESTING, Effect.BOOT)}
_DEPLOY: Final = {T.DEPLOY: Edge(S.DEPLOYING, Effect.BOOT)}
_RELEASE: Final = {T.RELEASE: Edge(S.RELEASING, Effect.BOOT)}
_ERASE: Final = {T.ERASE: Edge(S.DISK_ERASING, Effect.BOOT)}
_RESCUE: Final = {T.ENTER_RESCUE: Edge(S.ENTERING_RESCUE_MODE, Effect.BOOT)}
_BREAK: Final = {T.MARK_BROKEN: Edge(S.BROKEN)}
_HELD: Final = (Content.PARTIAL, Content.INSTALLED)
_BACK: Final = {Content.PARTIAL: Edge(S.FAILED_DEPLOYMENT), Content.INSTALLED: Edge(S.DEPLOYED)}
"""Where a machine with a customer's data goes back to when it is well again."""
_RETIRE: Final = {T.RETIRE: Edge(S.RETIRED)}

TRANSITIONS: Final[Mapping[State, Mapping[Trigger, Edge]]] = {
    S.NEW: _COMMISSION | _BREAK | _RETIRE,
    S.COMMISSIONING: _work(S.TESTING, S.FAILED_COMMISSIONING, S.NEW, Effect.CONTINUE),
    S.FAILED_COMMISSIONING: _COMMISSION | _BREAK | _RETIRE,
    # Ready means tested: an aborted test is a failed one, until somebody overrides it.
    S.TESTING: _work(S.READY, S.FAILED_TESTING, S.FAILED_TESTING),
    S.FAILED_TESTING: _COMMISSION | _TEST | _BREAK | _RETIRE | {T.OVERRIDE: Edge(S.READY)},
    S.READY: _COMMISSION | _TEST | _DEPLOY | _ERASE | _RESCUE | _BREAK | _RETIRE | {T.ALLOCATE: Edge(S.ALLOCATED)},
    # Nothing was written to an allocated machine yet, unless a deployment was aborted.
    S.ALLOCATED: _DEPLOY | _BREAK | {T.RELEASE: Edge(S.READY, unless=dict.fromkeys(_HELD, _RELEASE[T.RELEASE]))},
    S.DEPLOYING: _work(S.DEPLOYED, S.FAILED_DEPLOYMENT, S.ALLOCATED, Effect.NOTHING),
    S.FAILED_DEPLOYMENT: _DEPLOY | _RELEASE | _BREAK,
    S.DEPLOYED: _RELEASE | _RESCUE | _BREAK,
    S.RELEASING: _work(S.READY, S.RELEASING_FAILED, S.RELEASING_FAILED),
    S.RELEASING_FAILED: _RELEASE | _ERASE | _BREAK | _RETIRE,
    S.DISK_ERASING: _work(S.READY, S.FAILED_DISK_ERASING, S.FAILED_DISK_ERASING),
    S.FAILED_DISK_ERASING: _RELEASE | _ERASE | _BREAK | _RETIRE,
    S.ENTERING_RESCUE_MODE: _work(
        S.RESCUE_MODE, S.FAILED_TO_ENTER_RESCUE_MODE, S.FAILED_TO_ENTER_RESCUE_MODE, Effect.NOTHING
    ),
    S.RESCUE_MODE: _BREAK | {T.EXIT_RESCUE: Edge(S.EXITING_RESCUE_MODE, Effect.WIND_DOWN)},
    S.FAILED_TO_ENTER_RESCUE_MODE: _RESCUE | _BREAK | {T.EXIT_RESCUE: Edge(S.EXITING_RESCUE_MODE, Effect.WIND_DOWN)},
    S.EXITING_RESCUE_MODE: _work(S.READY, S.FAILED_TO_EXIT_RESCUE_MODE, S.FAILED_TO_EXIT_RESCUE_MODE)
    | {T.SUCCEEDED: Edge(S.READY, unless=_BACK)},
    S.FAILED_TO_EXIT_RESCUE_MODE: _RESCUE | _BREAK | {T.EXIT_RESCUE: Edge(S.EXITING_RESCUE_MODE, Effect.WIND_DOWN)},
    S.BROKEN: _RELEASE | _RETIRE | {T.MARK_FIXED: Edge(S.NEW, unless=_BACK)},
    S.RETIRED: {T.MARK_FIXED: Edge(S.BROKEN)},
}
"""Every state has a row; what a row does not name is refused."""

UPCOMING: Final = frozenset({T.ERASE, T.ENTER_RESCUE, T.EXIT_RESCUE})
"""Triggers that the table knows and the controller does not carry out yet."""

OWN: Final = frozenset({T.SUCCEEDED, T.FAILED, T.TIMED_OUT})
"""Triggers that come to pass by themselves; nobody may ask for them."""


def step(state: State, trigger: Trigger, content: Content = Content.BLANK) -> Edge:
    """Find the edge to take. Raises ConflictError, naming what is allowed instead."""
    edge = TRANSITIONS[state].get(trigger)
    if edge is None:
        allowed = ", ".join(offered(state)) or "nothing"
        raise ConflictError(f"a machine that is {state.value} cannot {trigger.value}; allowed now: {allowed}")
    return edge.unless.get(content, edge)


def offered(state: State) -> tuple[str, ...]:
    """What a person may ask of a machine in this state, in the table's order."""
    return tuple(t.value for t in TRANSITIONS[state] if t not in OWN | UPCOMING)
