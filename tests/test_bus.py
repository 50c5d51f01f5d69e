"""The bus: order kept, a slow listener loses its own events only."""

import asyncio
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fibrix.bus import Bus
from fibrix.events.base import Event
from fibrix.events.controller import ControllerStarted, SshKeyDeleted

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def deleted(name: str) -> SshKeyDeleted:
    return SshKeyDeleted(at=NOON, name=name)


async def test_a_listener_gets_the_types_that_it_asked_for_and_their_descendants() -> None:
    bus = Bus()
    with bus.subscribe(SshKeyDeleted) as keys, bus.subscribe(Event) as all_of_them, bus.subscribe() as nothing:
        bus.publish(deleted("a"), ControllerStarted(at=NOON, version="1"))
        assert [event.type for event in await keys.batch()] == ["ssh_key.deleted"]
        assert [event.type for event in await all_of_them.batch()] == ["ssh_key.deleted", "controller.started"]
        assert list(nothing._events) == []


async def test_a_batch_is_all_that_is_there_in_order() -> None:
    bus = Bus()
    with bus.subscribe(Event) as subscription:
        for name in "abc":
            bus.publish(deleted(name))
        assert [event.subject for event in await subscription.batch()] == ["ssh-keys/a", "ssh-keys/b", "ssh-keys/c"]


async def test_batch_waits_for_the_first_event() -> None:
    bus = Bus()
    with bus.subscribe(Event) as subscription:
        async with asyncio.TaskGroup() as group:
            batch = group.create_task(subscription.batch())
            await asyncio.sleep(0)
            assert not batch.done()
            bus.publish(deleted("a"))
        assert batch.result() == [deleted("a")]


async def test_a_full_queue_drops_the_newest_and_counts_them_for_its_own_listener_only() -> None:
    bus = Bus()
    with bus.subscribe(Event, limit=2) as slow, bus.subscribe(Event) as quick:
        bus.publish(*[deleted(name) for name in "abcd"])
        assert (slow.lagged, quick.lagged, bus.lagged) == (2, 0, 2)
        assert [event.subject for event in await slow.batch()] == ["ssh-keys/a", "ssh-keys/b"]
        assert len(await quick.batch()) == 4
        bus.publish(deleted("e"))
        assert [event.subject for event in await slow.batch()] == ["ssh-keys/e"]


async def test_whoever_comes_or_goes_is_known_at_the_next_event() -> None:
    bus = Bus()
    bus.publish(deleted("before"))
    with bus.subscribe(Event) as subscription:
        bus.publish(deleted("during"))
    bus.publish(deleted("after"))
    assert [event.subject for event in await subscription.batch()] == ["ssh-keys/during"]
    assert bus.lagged == 0


@given(st.lists(st.sampled_from(["publish", "read"]), max_size=60), st.integers(1, 5))
def test_what_is_not_lost_comes_once_and_in_order(steps: list[str], limit: int) -> None:
    async def play() -> None:
        bus, read, published = Bus(), list[int](), 0
        with bus.subscribe(Event, limit=limit) as subscription:
            for step in [*steps, "publish", "read"]:
                if step == "publish":
                    published += 1
                    bus.publish(SshKeyDeleted(at=NOON, name="", cause=published))
                elif subscription._events:
                    read += [event.cause for event in await subscription.batch()]
        assert read == sorted(set(read))
        assert len(read) + subscription.lagged == published

    asyncio.run(play())
