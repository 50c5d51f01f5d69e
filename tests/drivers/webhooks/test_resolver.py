"""Look-ups by the system's own resolver."""

import asyncio

import pytest

from fibrix.domain.webhook_target import Reach
from fibrix.drivers.webhooks.resolver import GuardedResolver, Lookups, RefusedAddressError


async def test_those_who_ask_for_the_same_name_at_once_share_the_look_up() -> None:
    lookups = Lookups()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(lookups.addresses("localhost", 443)) for _ in range(5)]
        await asyncio.sleep(0)
        assert len(lookups._running) == 1
    assert all(task.result() is tasks[0].result() for task in tasks)
    assert not lookups._running


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", ".", "no such name", "\x00"])
async def test_what_is_no_name_is_an_error_of_the_system(host: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - the system's words differ
        await Lookups().addresses(host, 443)


async def test_one_who_gives_up_leaves_the_look_up_to_the_others() -> None:
    lookups = Lookups()
    async with asyncio.TaskGroup() as group:
        first, second = (group.create_task(lookups.addresses("localhost", 443)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second


async def test_localhost_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(RefusedAddressError):
        await GuardedResolver(Lookups(), Reach(), plain=False).resolve("localhost", 443)
    found = await GuardedResolver(Lookups(), Reach.of(["127.0.0.0/8"]), plain=True).resolve("localhost", 80)
    assert {result["host"] for result in found} == {"127.0.0.1"}
