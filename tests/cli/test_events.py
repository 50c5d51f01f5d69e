"""Events and live progress on the command line."""

import asyncio
import json
from typing import Any

from msgspec.structs import replace

from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.events.machine import BootProgressed, StateChanged
from fibrix.types import BootId
from tests.cli.conftest import Command, Ended
from tests.support.site import ACME, Site
from tests.support.streams import NOON, accepted, key_added, updated


async def test_events_are_one_cloudevent_a_line_without_holes(site: Site, fibrix: Command) -> None:
    await site.say(*(updated(number) for number in range(2500)))
    told = await fibrix("events", "--since", "0", "--jsonl")
    events = [json.loads(line) for line in told.out.splitlines()]
    assert [event["id"] for event in events] == [str(number) for number in range(1, 2501)]
    assert all(event["specversion"] == "1.0" for event in events)
    some = await fibrix("events", "--since", "2498", "--json")
    assert [json.loads(line) for line in some.out.splitlines()] == events[2498:]


async def test_events_are_lines_in_words_for_people(site: Site, fibrix: Command) -> None:
    await site.say(key_added("ann"), replace(key_added("bob"), fingerprint="red\x1b[2J"))
    told = await fibrix("events")
    assert "SSH key ann added" in told.out
    assert "\x1b" not in told.out


async def test_events_are_picked_by_machine_tenant_type_and_subject(site: Site, fibrix: Command) -> None:
    machine = await site.put("web-1")
    await site.say(accepted(machine.id), accepted("m2"), key_added("ann", ACME), key_added("bob"))
    for words, numbers in (
        (("--machine", "web-1"), ["1"]),
        (("--tenant", "acme"), ["3"]),
        (("--type", "machine.*"), ["1", "2"]),
        (("--subject", "ssh-keys/", "--since", "3"), ["4"]),
    ):
        told = await fibrix("events", "--jsonl", *words)
        assert [json.loads(line)["id"] for line in told.out.splitlines()] == numbers
    assert len((await fibrix("machine", "events", "web-1")).out.splitlines()) == 1
    refused = await fibrix("events", "--type", "a b")
    assert refused.status == 1
    assert "is none" in refused.err


async def test_the_types_of_events_are_listed_with_their_data(fibrix: Command) -> None:
    told = await fibrix("events", "types")
    assert "fibrix.machine.deployed" in told.out
    listed = [json.loads(line) for line in (await fibrix("events", "types", "--jsonl")).out.splitlines()]
    by_type = {each["type"]: each for each in listed}
    assert by_type["fibrix.ssh_key.added"]["data"] == ["name", "fingerprint"]
    assert by_type["fibrix.gap"]["data"] == ["oldest"]


async def test_waiting_shows_the_steps_and_ends_with_the_operation(site: Site, fibrix: Command) -> None:
    told = await wait_through(site, fibrix, Trigger.SUCCEEDED, Trigger.SUCCEEDED)
    assert told.status == 0
    assert "DHCPDISCOVER" in told.err
    assert "Commissioning → Testing" in told.err
    assert "web-1: commission succeeded: it came to pass" in told.out


async def test_waiting_for_what_fails_exits_with_1_the_reason_and_where_the_machine_is(
    site: Site, fibrix: Command
) -> None:
    told = await wait_through(site, fibrix, Trigger.FAILED)
    assert told.status == 1
    assert "fibrix: web-1: commission failed: it came to pass" in told.err
    assert "Failed commissioning" in told.err
    assert "you can" in told.err


async def wait_through(site: Site, fibrix: Command, *triggers: Trigger) -> Ended:
    """Run `commission --wait`, and let these things come to pass once the machine was asked."""
    machine = await site.put("web-1", State.NEW)
    about: dict[str, Any] = {"at": NOON, "machine": machine.id, "name": machine.name}
    with site.rig.shared.bus.subscribe(StateChanged) as heard:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(fibrix("machine", "commission", "web-1", "--wait"), name="command")
            await heard.batch()
            await site.say(BootProgressed(**about, boot=BootId("b1"), stage="DHCPDISCOVER", detail=""))
            for trigger in triggers:
                await site.rig.core.lifecycle.fire(machine.id, trigger, "it came to pass")
    return waiting.result()
