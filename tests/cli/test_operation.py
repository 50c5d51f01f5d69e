"""`fibrix operation` as operators type it."""

import asyncio
import json

from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from tests.cli.conftest import Command
from tests.support.site import Site


async def test_operations_are_listed_shown_and_cancelled(site: Site, fibrix: Command) -> None:
    assert "fibrix machine commission" in (await fibrix("operation", "list")).out
    await site.put("web-1", State.NEW)
    begun = await fibrix("machine", "commission", "web-1", "--quiet")
    key = begun.out.strip()
    listed = await fibrix("operation", "list", "--machine", "web-1", "--running")
    assert "Commissioning, asked, 0 of 1 scripts done" in listed.out
    shown = await fibrix("operation", "show", key)
    assert "somebody asked to commission" in shown.out
    rehearsed = await fibrix("operation", "cancel", key, "--dry-run")
    assert "Commissioning → New" in rehearsed.out
    assert site.rig.region.machines()[0].state is State.COMMISSIONING
    cancelled = await fibrix("operation", "cancel", key, "--reason", "wrong rack")
    assert (cancelled.status, cancelled.err) == (0, "")
    assert "web-1: commission cancelled: abort: wrong rack" in cancelled.out
    again = await fibrix("operation", "cancel", key)
    assert again.status == 7
    assert "has ended already" in again.err
    assert (await fibrix("operation", "list", "--running", "--json")).out.strip() == "[]"


async def test_waiting_for_an_operation_of_somebody_else(site: Site, fibrix: Command) -> None:
    machine = await site.put("web-1", State.NEW)
    operation = await site.rig.machines.begin(machine.id, Trigger.COMMISSION)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(fibrix("operation", "wait", operation.id, "--json"), name="command")
        await asyncio.sleep(0.5)
        await site.rig.core.lifecycle.fire(machine.id, Trigger.FAILED, "the disk is dead")
    told = waiting.result()
    assert told.status == 1
    assert "commission failed: the disk is dead" in told.err
    assert json.loads(told.out)["state"] == "failed"
    assert (await fibrix("operation", "wait", operation.id)).status == 1


async def test_one_that_ends_at_once_is_not_waited_for(site: Site, fibrix: Command) -> None:
    await site.put("web-1", State.ALLOCATED)
    done = await fibrix("machine", "release", "web-1", "--wait")
    assert (done.status, done.err) == (0, "")
    assert "web-1: release succeeded" in done.out
