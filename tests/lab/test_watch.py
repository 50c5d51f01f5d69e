"""The demo's eyes."""

import asyncio
import io
from typing import Any

import pytest
from rich.console import Console

from fibrix.domain.state import State
from fibrix.errors import LabError
from fibrix.lab.progress import Progress
from fibrix.lab.watch import Watch
from fibrix.runtime.api_stream import CloudEvent

MAC = "52:54:00:00:00:01"


def event(kind: str, **data: Any) -> CloudEvent:
    return CloudEvent(id="1", type=f"fibrix.machine.{kind}", data={"machine": "m1", "name": "funny-name", **data})


def discovered(mac: str = MAC, machine: str = "m1") -> CloudEvent:
    return event("discovered", mac=mac, address="192.168.1.100", manufacturer="Fibrix", product="Lab", machine=machine)


def state(after: State, reason: str = "so") -> CloudEvent:
    return event("x", before="New", after=after.value, trigger="t", reason=reason)


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def watch(out: io.StringIO) -> Watch:
    return Watch(Progress(Console(file=out, width=200), lambda: 1.0), {MAC: "node1"})


async def test_a_discovered_machine_is_found_by_its_mac_before_and_after(watch: Watch, out: io.StringIO) -> None:
    async with asyncio.timeout(1), asyncio.TaskGroup() as group:
        early = group.create_task(watch.discovered(MAC))
        await asyncio.sleep(0)
        watch.take(discovered())
    assert (early.result(), await watch.discovered(MAC)) == ("m1", "m1")
    assert "1.0 s  node1   discovered: Fibrix Lab at 192.168.1.100" in out.getvalue()


async def test_states_are_awaited_in_their_order(watch: Watch) -> None:
    watch.take(discovered())
    for after in (State.COMMISSIONING, State.TESTING, State.READY):
        watch.take(state(after))
    async with asyncio.timeout(1):
        await watch.reaches("m1", State.TESTING)
        await watch.reaches("m1", State.READY)


@pytest.mark.parametrize("end", [State.FAILED_COMMISSIONING, State.BROKEN, State.RELEASING_FAILED])
async def test_a_dead_end_is_an_error_with_the_controllers_reason(watch: Watch, end: State) -> None:
    watch.take(discovered())
    watch.take(state(end, "the disk is gone"))
    with pytest.raises(LabError, match=f"{end.value}: the disk is gone"):
        await watch.reaches("m1", State.READY)


async def test_strangers_are_not_told_of(watch: Watch, out: io.StringIO) -> None:
    watch.take(discovered("52:54:00:00:00:99", "m9"))
    watch.take(event("boot_progressed", stage="kernel", detail="", machine="m9"))
    assert out.getvalue() == ""


async def test_what_happens_is_told_in_words(watch: Watch, out: io.StringIO) -> None:
    watch.take(discovered())
    watch.take(event("boot_progressed", stage="kernel", detail="", boot="b1"))
    watch.take(event("script_started", run="r1", script="inventory", position=1, count=1))
    watch.take(event("script_ended", run="r1", script="inventory", status="passed", exit_status=0, reason=""))
    watch.take(event("updated", fields=["name"]))
    lines = [line.split("node1")[1].strip() for line in out.getvalue().splitlines()]
    assert lines[1:] == ["boot: kernel", "script inventory (1 of 1)", "script inventory passed"]
