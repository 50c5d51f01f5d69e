"""Which machine fits, and what a refusal says."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fibrix.domain.allocation import choose
from fibrix.domain.machine import Disk, Hardware, Machine
from fibrix.domain.ports.machines import Wanted
from fibrix.domain.state import State
from fibrix.errors import ConflictError
from fibrix.types import MachineId
from tests.domain.build import T0, machine

GIB = 1 << 30


def ready(name: str, *, cores: int = 4, gib: int = 8, disks: tuple[int, ...] = (100,), **fields: Any) -> Machine:
    """A Ready machine; disks in GiB."""
    hardware = Hardware(
        cpu_count=cores,
        memory_bytes=gib * GIB,
        disks=tuple(Disk(name=f"sd{n}", size_bytes=size * GIB) for n, size in enumerate(disks)),
    )
    return replace(machine(State.READY), id=MachineId(name), name=name, hardware=hardware, **fields)


RACK = [
    ready("big", cores=32, gib=256, disks=(1000, 1000), tags=("ssd",), zone="room-2"),
    ready("small", cores=2, gib=4),
    ready("young", cores=4, gib=8, created_at=T0 + timedelta(days=1)),
    ready("old", cores=4, gib=8, created_at=T0),
    ready("wide", cores=8, gib=8),
    ready("gpu", cores=8, gib=64, pool="gpu", tags=("nvme", "ssd")),
    replace(ready("taken", cores=4, gib=8), state=State.ALLOCATED),
    replace(ready("strange"), accepted=False),
]


@pytest.mark.parametrize(
    ("wanted", "pools", "name"),
    [
        (Wanted(), None, "small"),
        (Wanted(cores=4), None, "old"),
        (Wanted(cores=5), None, "wide"),
        (Wanted(memory_bytes=9 * GIB), None, "gpu"),
        (Wanted(memory_bytes=9 * GIB), ("default",), "big"),
        (Wanted(tags=("ssd",)), ("default",), "big"),
        (Wanted(tags=("ssd", "nvme")), None, "gpu"),
        (Wanted(disk_bytes=1000 * GIB), None, "big"),
        (Wanted(disks=2), None, "big"),
        (Wanted(zone="room-2"), None, "big"),
        (Wanted(pool="gpu"), ("default", "gpu"), "gpu"),
        (Wanted(name="young"), None, "young"),
    ],
)
def test_the_smallest_that_fits_is_chosen(wanted: Wanted, pools: tuple[str, ...] | None, name: str) -> None:
    assert choose(RACK, wanted, pools).name == name
    assert choose(reversed(RACK), wanted, pools).name == name


@pytest.mark.parametrize(
    ("wanted", "pools", "words"),
    [
        (
            Wanted(cores=16, tags=("nvme",)),
            None,
            "no machine fits: 6 Ready, of these 1 have 16 cores or more; 1 have the tag nvme; none has all of it",
        ),
        (
            Wanted(disks=3),
            ("default",),
            "no machine fits: 5 Ready in the pool default, of these 0 have 3 disks or more; none has all of it",
        ),
        (Wanted(), ("void",), "no machine is Ready in the pool void"),
        (Wanted(), (), "no machine is Ready in any pool, since you may draw from none"),
    ],
)
def test_a_refusal_counts_what_may_be_drawn_from_and_nothing_else(
    wanted: Wanted, pools: tuple[str, ...] | None, words: str
) -> None:
    with pytest.raises(ConflictError) as refused:
        choose(RACK, wanted, pools)
    assert str(refused.value) == words
    for hidden in ("taken", "gpu"):
        assert hidden not in str(refused.value)


sizes = st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8), st.sampled_from(["default", "gpu"]))


@given(st.lists(sizes, max_size=12), sizes)
def test_no_machine_that_fits_is_smaller_than_the_one_chosen(
    racks: list[tuple[int, int, int, str]], asked: tuple[int, int, int, str]
) -> None:
    machines = [ready(f"m{n}", cores=c, gib=g, disks=(d,), pool=p) for n, (c, g, d, p) in enumerate(racks)]
    cores, gib, disk, pool = asked
    wanted = Wanted(cores=cores, memory_bytes=gib * GIB, disk_bytes=disk * GIB)
    fitting = [(g, c, d) for c, g, d, p in racks if c >= cores and g >= gib and d >= disk and p == pool]
    try:
        chosen = choose(machines, wanted, (pool,))
    except ConflictError:
        assert not fitting
    else:
        assert chosen.hardware is not None
        size = (
            chosen.hardware.memory_bytes // GIB,
            chosen.hardware.cpu_count,
            chosen.hardware.disks[0].size_bytes // GIB,
        )
        assert size == min(fitting)
