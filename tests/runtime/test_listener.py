"""Listening: an event that cannot be handled costs that event, and lost ones are told."""

import asyncio
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from fibrix.bus import Bus
from fibrix.errors import StoreError
from fibrix.events.base import Event
from fibrix.events.controller import SshKeyDeleted
from fibrix.runtime.listener import listen


def event(name: str) -> SshKeyDeleted:
    return SshKeyDeleted(at=datetime(2026, 1, 31, tzinfo=UTC), name=name)


async def test_events_are_handled_in_order_and_a_failure_costs_one_event() -> None:
    bus, seen, done = Bus(), list[str](), asyncio.Event()

    async def handle(happened: Event) -> None:
        if happened.subject == "ssh-keys/b":
            raise StoreError("no room")
        seen.append(happened.subject)
        if happened.subject == "ssh-keys/c":
            done.set()

    with capture_logs() as logs, bus.subscribe(SshKeyDeleted) as subscription:
        async with asyncio.TaskGroup() as group:
            listener = group.create_task(listen(subscription, handle))
            bus.publish(event("a"), event("b"), event("c"))
            await done.wait()
            listener.cancel()
    assert seen == ["ssh-keys/a", "ssh-keys/c"]
    assert [(line["what"], line["reason"]) for line in logs] == [("ssh_key.deleted", "no room")]


async def test_a_listener_that_lost_events_is_told_to_read_again() -> None:
    bus, seen, done = Bus(), list[str](), asyncio.Event()

    async def handle(happened: Event) -> None:
        seen.append(happened.subject)
        if len(seen) == 3:
            done.set()

    async def resync() -> None:
        seen.append("read again")

    with bus.subscribe(SshKeyDeleted, limit=2) as subscription:
        async with asyncio.TaskGroup() as group:
            listener = group.create_task(listen(subscription, handle, resync=resync))
            await asyncio.sleep(0)
            bus.publish(*[event(name) for name in "abcd"])
            await done.wait()
            listener.cancel()
    assert seen == ["read again", "ssh-keys/a", "ssh-keys/b"]


async def test_a_bug_is_the_supervisors() -> None:
    bus = Bus()

    async def handle(happened: Event) -> None:
        raise ZeroDivisionError

    with bus.subscribe(Event) as subscription:
        bus.publish(event("a"))
        with pytest.raises(ZeroDivisionError):
            await listen(subscription, handle)
