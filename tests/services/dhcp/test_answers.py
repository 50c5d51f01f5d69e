"""Answers leave in bursts, in order, and none is forgotten."""

import asyncio
from collections.abc import Sequence

from fibrix.services.dhcp.answers import Answers

ROOM = 160  # of a relay's socket


async def test_a_big_batch_leaves_in_order_and_never_more_at_once_than_a_relay_has_room_for() -> None:
    answers, bursts, done = Answers[int](), list[Sequence[int]](), asyncio.Event()

    def carry_out(burst: Sequence[int]) -> None:
        bursts.append(burst)
        if burst[-1] == 999:
            done.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(answers.run(carry_out), name="answers")
        answers.add(range(600))
        answers.add(range(600, 1_000))
        assert len(answers) == 1_000
        async with asyncio.timeout(5):
            await done.wait()
        task.cancel()
    assert [one for burst in bursts for one in burst] == list(range(1_000))
    assert max(map(len, bursts)) < ROOM
    assert len(answers) == 0


async def test_a_lone_one_leaves_without_a_pause() -> None:
    answers, left = Answers[str](), asyncio.Queue[Sequence[str]]()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(answers.run(left.put_nowait), name="answers")
        for name in ("one", "another"):
            answers.add([name])
            async with asyncio.timeout(5):
                assert await left.get() == [name]
        task.cancel()
