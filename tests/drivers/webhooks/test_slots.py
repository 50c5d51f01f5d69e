"""Turns: nobody takes all of them."""

import asyncio

from fibrix.drivers.webhooks.slots import Slots
from fibrix.types import TenantId, WebhookId

ACME, GLOBEX = TenantId("t1"), TenantId("t2")


class Crowd:
    """Attempts that never end, and how many of them got their turn."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.have = 0

    async def hang(self, webhook: str, owner: TenantId, *, ailing: bool = False) -> None:
        async with self.slots.turn(WebhookId(webhook), owner, ailing=ailing):
            self.have += 1
            await asyncio.Event().wait()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_never_more_than_the_limit_and_a_turn_that_ends_is_taken_over() -> None:
    crowd = Crowd(Slots(8))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(crowd.hang(f"w{number}", ACME)) for number in range(12)]
        await settled()
        assert crowd.have == 8
        tasks[0].cancel()
        await settled()
        assert crowd.have == 9
        for task in tasks:
            task.cancel()
    assert not crowd.slots._under_way


async def test_one_webhook_takes_its_own_and_a_quarter_for_its_owner() -> None:
    crowd = Crowd(Slots(8))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(crowd.hang("w1", ACME)) for _ in range(20)]
        await settled()
        assert crowd.have == 3
        tasks += [group.create_task(crowd.hang("w2", ACME)) for _ in range(20)]  # the quarter is taken, its own is not
        await settled()
        assert crowd.have == 4
        tasks += [group.create_task(crowd.hang("w3", GLOBEX)) for _ in range(20)]
        await settled()
        assert crowd.have == 7
        for task in tasks:
            task.cancel()


async def test_those_that_fail_leave_half_to_those_that_do_not() -> None:
    crowd = Crowd(Slots(8))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(crowd.hang(f"w{number}", ACME, ailing=True)) for number in range(20)]
        await settled()
        assert crowd.have == 4
        tasks += [group.create_task(crowd.hang(f"v{number}", ACME)) for number in range(4)]
        await settled()
        assert crowd.have == 8
        for task in tasks:
            task.cancel()
