"""A cell hands its newest value to all who wait."""

import asyncio

from fibrix.runtime.cell import Cell


async def test_a_replaced_value_is_read_at_once_and_wakes_all_who_wait() -> None:
    cell = Cell(1)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(cell.changed()) for _ in range(3)]
        await asyncio.sleep(0)
        cell.replace(2)
        assert cell.value == 2
    assert [task.result() for task in waiting] == [2, 2, 2]


async def test_values_in_between_are_skipped_and_the_next_wait_is_for_the_next_value() -> None:
    cell = Cell(1)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(cell.changed())
        await asyncio.sleep(0)
        cell.replace(2)
        cell.replace(3)
        assert await first == 3
        second = group.create_task(cell.changed())
        await asyncio.sleep(0)
        assert not second.done()
        cell.replace(4)
    assert second.result() == 4
