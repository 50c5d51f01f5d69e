"""Which machine someone gets who asks for one by what it must have. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fibrix.domain.machine import Machine
from fibrix.domain.ports.machines import Wanted
from fibrix.domain.quota import bytes_words, sizes
from fibrix.domain.state import State
from fibrix.errors import ConflictError


@dataclass(frozen=True, slots=True)
class _Constraint:
    """One thing that the machine must have."""

    words: str  # behind a number of machines: `have 8 cores or more`
    holds: Callable[[Machine], bool]


def choose(machines: Iterable[Machine], wanted: Wanted, pools: Sequence[str] | None) -> Machine:
    """Choose the smallest Ready machine that fits: least memory, then cores, then disk space, then the oldest.

    `pools`: those that may be drawn from; None: all. Raises ConflictError that says for each constraint how many
    machines meet it; machines of other pools and those that are not Ready are not counted.
    """
    ready = [m for m in machines if m.state is State.READY and m.accepted and (pools is None or m.pool in pools)]
    constraints = _constraints(wanted)
    fitting = [m for m in ready if all(c.holds(m) for c in constraints)]
    if not fitting:
        raise ConflictError(_refusal(ready, constraints, pools))
    return min(fitting, key=_size)


def _size(machine: Machine) -> tuple[int, int, int, float, str]:
    size = sizes((machine,), ())
    return size.memory_bytes, size.cores, size.disk_bytes, machine.created_at.timestamp(), machine.id


def _constraints(wanted: Wanted) -> list[_Constraint]:
    """List what is asked for, in the order in which a refusal tells it."""
    asked: list[tuple[object, _Constraint]] = [
        (wanted.name, _Constraint(f"are named {wanted.name}", lambda m: m.name == wanted.name)),
        (wanted.pool, _Constraint(f"are in the pool {wanted.pool}", lambda m: m.pool == wanted.pool)),
        (wanted.zone, _Constraint(f"are in the zone {wanted.zone}", lambda m: m.zone == wanted.zone)),
        (wanted.cores, _Constraint(f"have {wanted.cores} cores or more", lambda m: _cores(m) >= wanted.cores)),
        (
            wanted.memory_bytes,
            _Constraint(
                f"have {bytes_words(wanted.memory_bytes)} of memory or more",
                lambda m: _memory(m) >= wanted.memory_bytes,
            ),
        ),
        (
            wanted.disk_bytes,
            _Constraint(
                f"have a disk of {bytes_words(wanted.disk_bytes)} or more",
                lambda m: max(_disks(m), default=0) >= wanted.disk_bytes,
            ),
        ),
        (wanted.disks, _Constraint(f"have {wanted.disks} disks or more", lambda m: len(_disks(m)) >= wanted.disks)),
    ]
    return [constraint for value, constraint in asked if value] + [_tagged(tag) for tag in wanted.tags]


def _tagged(tag: str) -> _Constraint:
    return _Constraint(f"have the tag {tag}", lambda m: tag in m.tags)


def _cores(machine: Machine) -> int:
    return machine.hardware.cpu_count if machine.hardware else 0


def _memory(machine: Machine) -> int:
    return machine.hardware.memory_bytes if machine.hardware else 0


def _disks(machine: Machine) -> list[int]:
    """Sizes of the disks that cannot be taken out, in bytes."""
    return [d.size_bytes for d in machine.hardware.disks if not d.removable] if machine.hardware else []


def _refusal(ready: Sequence[Machine], constraints: Sequence[_Constraint], pools: Sequence[str] | None) -> str:
    """Say why there is none."""
    where = "" if pools is None else f" in {_named(pools)}"
    if not ready:
        return f"no machine is Ready{where}"
    met = "; ".join(f"{sum(map(c.holds, ready))} {c.words}" for c in constraints)
    return f"no machine fits: {len(ready)} Ready{where}, of these {met}; none has all of it"


def _named(pools: Sequence[str]) -> str:
    if not pools:
        return "any pool, since you may draw from none"
    return f"the {'pool' if len(pools) == 1 else 'pools'} {', '.join(pools)}"
