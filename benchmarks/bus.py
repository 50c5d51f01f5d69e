"""Events per second over the bus, each heard by all subscribers. Peer: one asyncio.Queue per subscriber.

Run: `python -m benchmarks.bus [EVENTS]`. Three interleaved rounds, the median is quoted.
"""

import asyncio
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from time import perf_counter

from benchmarks.report import middle, report, row
from fibrix.bus import Bus, Subscription
from fibrix.events.base import Event
from fibrix.events.controller import ControllerStarted

EVENT = ControllerStarted(at=datetime(2026, 1, 31, tzinfo=UTC), version="1")
BURST = 100  # events per turn of the publisher, as a busy network brings them


async def ours(subscribers: int, events: int) -> float:
    """Publish in bursts, letting the listeners in between; events per second."""

    async def hear(subscription: Subscription) -> None:
        heard = 0
        while heard < events:
            heard += len(await subscription.batch())

    bus = Bus()
    with ExitStack() as stack:
        heard = [stack.enter_context(bus.subscribe(Event, limit=events)) for _ in range(subscribers)]
        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for subscription in heard:
                group.create_task(hear(subscription))
            for _ in range(events // BURST):
                for _ in range(BURST):
                    bus.publish(EVENT)
                await asyncio.sleep(0)
        return events / (perf_counter() - began)


async def queues(subscribers: int, events: int) -> float:
    """Do the same with a queue for each, read one by one."""

    async def hear(queue: "asyncio.Queue[Event]") -> None:
        for _ in range(events):
            await queue.get()

    all_queues: list[asyncio.Queue[Event]] = [asyncio.Queue() for _ in range(subscribers)]
    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for queue in all_queues:
            group.create_task(hear(queue))
        for _ in range(events // BURST):
            for _ in range(BURST):
                for queue in all_queues:
                    queue.put_nowait(EVENT)
            await asyncio.sleep(0)
    return events / (perf_counter() - began)


def main(events: int) -> None:
    """Measure 10 and 100 subscribers."""
    rows = []
    for subscribers in (10, 100):
        count = events * 10 // subscribers
        rounds = [(asyncio.run(ours(subscribers, count)), asyncio.run(queues(subscribers, count))) for _ in range(3)]
        mine, theirs = (middle(side) for side in zip(*rounds, strict=True))
        rows.append(row(f"{subscribers} subscribers", mine, theirs, "events/s"))
    report("bus", rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
