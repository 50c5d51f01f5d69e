"""The supervisor: one service's failure is its own, and the end always comes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs

from fibrix.errors import StoreError
from fibrix.runtime.service import Service
from fibrix.runtime.supervisor import Health, Patience, Supervisor

QUICK = Patience(start_s=0.5, stop_s=0.2, first_pause_s=0.01, most_pause_s=0.04, calm_s=60)


class Part:
    """A service that writes down what becomes of it; `act` is called once it serves."""

    def __init__(self, name: str, diary: list[str], act: Callable[[int], Awaitable[object]] | None = None) -> None:
        self.name = name
        self.runs = 0
        self._diary = diary
        self._act = act

    async def run(self, ready: asyncio.Event) -> None:
        self.runs += 1
        self._diary.append(f"+{self.name}")
        try:
            ready.set()
            if self._act:
                await self._act(self.runs)
            await asyncio.Event().wait()
        finally:
            self._diary.append(f"-{self.name}")


@asynccontextmanager
async def supervised(services: Sequence[Service], patience: Patience = QUICK) -> AsyncIterator[Supervisor]:
    """Run a supervisor around the block."""
    supervisor = Supervisor(services, patience)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervisor.run(ready))
        await ready.wait()
        yield supervisor
        task.cancel()


async def until(supervisor: Supervisor, what: Callable[[Sequence[Health]], bool]) -> None:
    async with asyncio.timeout(5):
        while not what(supervisor.health()):  # noqa: ASYNC110 - health is read, as the API reads it
            await asyncio.sleep(0.005)


async def test_services_start_in_order_and_stop_newest_first() -> None:
    diary: list[str] = []
    async with supervised([Part(name, diary) for name in "abc"]) as supervisor:
        assert [health.state for health in supervisor.health()] == ["running"] * 3
    assert diary == ["+a", "+b", "+c", "-c", "-b", "-a"]
    assert [health.state for health in supervisor.health()] == ["stopped"] * 3


async def test_the_next_service_waits_until_the_one_before_serves() -> None:
    served = asyncio.Event()

    class Slow:
        name = "slow"

        async def run(self, ready: asyncio.Event) -> None:
            await asyncio.sleep(0.05)
            served.set()
            ready.set()
            await asyncio.Event().wait()

    class Next:
        name = "next"

        async def run(self, ready: asyncio.Event) -> None:
            assert served.is_set()
            ready.set()
            await asyncio.Event().wait()

    async with supervised([Slow(), Next()]) as supervisor:
        assert [health.state for health in supervisor.health()] == ["running", "running"]


async def fails_twice(runs: int) -> None:
    if runs <= 2:
        raise ZeroDivisionError("a bug")


async def test_a_service_that_fails_is_restarted_alone() -> None:
    diary: list[str] = []
    other, faulty = Part("other", diary), Part("faulty", diary, fails_twice)
    with capture_logs() as logs:
        async with supervised([other, faulty]) as supervisor:
            await until(supervisor, lambda health: health[1].restarts == 2 and health[1].state == "running")
            assert supervisor.health()[1].last_error == "ZeroDivisionError: a bug"
            assert (supervisor.health()[0].restarts, other.runs, faulty.runs) == (0, 1, 3)
    failures = [line for line in logs if line["event"] == "service.failed"]
    assert [line["again_in_s"] for line in failures] == [0.01, 0.02]
    assert isinstance(failures[0]["exc_info"], ZeroDivisionError)


async def test_an_error_of_our_own_is_told_without_its_traceback() -> None:
    async def fails(runs: int) -> None:
        if runs == 1:
            raise StoreError("the disk is full")

    with capture_logs() as logs:
        async with supervised([Part("a", [], fails)]) as supervisor:
            await until(supervisor, lambda health: health[0].restarts == 1)
            assert supervisor.health()[0].last_error == "the disk is full"
    assert next(line for line in logs if line["event"] == "service.failed")["exc_info"] is None


async def test_all_parts_of_a_group_are_told() -> None:
    async def fails(runs: int) -> None:
        if runs == 1:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails_twice(1))
                group.create_task(fails_twice(2))

    async with supervised([Part("a", [], fails)]) as supervisor:
        await until(supervisor, lambda health: health[0].restarts == 1)
        assert supervisor.health()[0].last_error == "ZeroDivisionError: a bug; ZeroDivisionError: a bug"


async def test_the_pause_doubles_up_to_a_limit_and_starts_over_after_a_calm_run() -> None:
    async def fails(runs: int) -> None:
        if runs == 5:
            await asyncio.sleep(0.15)
        raise LookupError

    patience = Patience(start_s=1, stop_s=1, first_pause_s=0.01, most_pause_s=0.04, calm_s=0.1)
    with capture_logs() as logs:
        async with supervised([Part("a", [], fails)], patience) as supervisor:
            await until(supervisor, lambda health: health[0].restarts == 5)
    pauses = [line["again_in_s"] for line in logs if line["event"] == "service.failed"]
    assert pauses[:5] == [0.01, 0.02, 0.04, 0.04, 0.01]


async def test_a_service_that_ends_by_itself_is_started_again() -> None:
    class Brief:
        name = "brief"

        async def run(self, ready: asyncio.Event) -> None:
            ready.set()

    async with supervised([Brief()]) as supervisor:
        await until(supervisor, lambda health: health[0].restarts == 2)
        assert supervisor.health()[0].last_error == "it ended by itself"


async def test_a_cancellation_that_leaked_out_of_a_service_does_not_end_it_for_good() -> None:
    async def leaks(runs: int) -> None:
        if runs == 1:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

    async with supervised([Part("a", [], leaks)]) as supervisor:
        await until(supervisor, lambda health: health[0].restarts == 1 and health[0].state == "running")


async def test_a_service_that_never_serves_is_given_up_and_the_others_start() -> None:
    class Stuck:
        name = "stuck"

        async def run(self, ready: asyncio.Event) -> None:
            await asyncio.Event().wait()

    patience = Patience(start_s=0.05, stop_s=1, first_pause_s=10, most_pause_s=10, calm_s=60)
    async with supervised([Stuck(), Part("b", [])], patience) as supervisor:
        stuck, other = supervisor.health()
        assert (stuck.state, stuck.last_error) == ("failed", "it did not serve within 0.05 s")
        assert other.state == "running"


async def test_a_service_that_serves_may_run_longer_than_the_start_limit() -> None:
    patience = Patience(start_s=0.05, stop_s=1, first_pause_s=10, most_pause_s=10, calm_s=60)
    async with supervised([Part("a", [])], patience) as supervisor:
        await asyncio.sleep(0.1)
        assert supervisor.health()[0].state == "running"


async def test_a_service_that_will_not_stop_is_named_and_does_not_hold_the_others_up() -> None:
    diary: list[str] = []

    class Late:
        name = "late"

        async def run(self, ready: asyncio.Event) -> None:
            ready.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            try:
                await asyncio.Event().wait()
            finally:
                diary.append("late at last")  # it is told once more when the others have stopped

    with capture_logs() as logs:
        async with supervised([Part("a", diary), Late()]):
            pass
    assert diary == ["+a", "-a", "late at last"]
    assert {"event": "service.late", "service": "late", "limit_s": 0.2, "log_level": "error"} in logs


async def test_the_end_may_come_during_the_start() -> None:
    diary: list[str] = []

    class Stuck:
        name = "stuck"

        async def run(self, ready: asyncio.Event) -> None:
            await asyncio.Event().wait()

    supervisor = Supervisor([Part("a", diary), Stuck(), Part("c", diary)], Patience())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await supervisor.run(asyncio.Event())
    assert diary == ["+a", "-a"]
    assert [health.state for health in supervisor.health()] == ["stopped", "stopped", "waiting"]
