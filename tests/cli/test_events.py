"""Events and live progress on the command line."""

import asyncio
import json

from fibrix.domain.machine import Machine
from fibrix.domain.state import State
from tests.cli.conftest import Command, Ended
from tests.support.api import Region


async def test_events_are_one_cloudevent_a_line_without_holes(region: Region, fibrix: Command) -> None:
    for number in range(2500):
        region.journal.append("machine.updated", "machines/m1", fields=["name"], n=number)
    told = await fibrix("events", "--since", "0", "--json")
    events = [json.loads(line) for line in told.out.splitlines()]
    assert [event["id"] for event in events] == [str(number) for number in range(1, 2501)]
    assert all(event["specversion"] == "1.0" for event in events)
    some = await fibrix("events", "--since", "2498", "--json")
    assert [json.loads(line) for line in some.out.splitlines()] == events[2498:]


async def test_events_are_lines_in_words_for_people(region: Region, fibrix: Command) -> None:
    region.journal.append("machine.script_ended", "machines/m1", name="web-1", script="memory-test", status="passed")
    region.journal.append("something.new", "", colour="red\x1b[2J")
    told = await fibrix("events")
    assert "memory-test passed" in told.out
    assert "something new" in told.out
    assert "\x1b" not in told.out


async def test_the_events_of_a_machine_leave_out_all_others(region: Region, fibrix: Command) -> None:
    machine = region.machines.put("web-1")
    region.journal.append("machine.accepted", f"machines/{machine.id}", name="web-1")
    region.journal.append("machine.accepted", "machines/other", name="other")
    assert len((await fibrix("machine", "events", "web-1")).out.splitlines()) == 1


async def test_waiting_shows_the_steps_and_ends_with_the_goal(region: Region, fibrix: Command) -> None:
    region.machines.put("web-1", State.NEW)
    told = await wait_through(region, fibrix, State.TESTING, State.READY)
    assert told.status == 0
    assert "DHCPDISCOVER" in told.err
    assert "Commissioning → Testing" in told.err
    assert "web-1 is Ready" in told.out


async def test_waiting_for_what_fails_exits_with_1_and_the_reason(region: Region, fibrix: Command) -> None:
    region.machines.put("web-1", State.NEW)
    told = await wait_through(region, fibrix, State.FAILED_COMMISSIONING)
    assert told.status == 1
    assert "it was put into Failed commissioning" in told.err


async def wait_through(region: Region, fibrix: Command, *states: State) -> Ended:
    """Run `commission --wait`, and let the machine go through these states once it was asked."""
    asked = asyncio.Event()
    region.machines.changed = lambda machine: asked.set()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(fibrix("machine", "commission", "web-1", "--wait"), name="command")
        await asked.wait()
        subject = f"machines/{region.machines.get('web-1').id}"
        region.journal.append("machine.boot_progressed", subject, name="web-1", stage="DHCPDISCOVER", detail="")
        for state in states:
            before: Machine = region.machines.get("web-1")
            region.machines.change(before.id, state=state, reason=f"it was put into {state.value}")
            kind = f"machine.{state.value.lower().replace(' ', '_')}"
            change = {"before": before.state.value, "after": state.value, "trigger": "x", "reason": "of a test"}
            region.journal.append(kind, subject, name="web-1", **change)
    return waiting.result()
