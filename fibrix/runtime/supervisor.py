"""The supervisor: starts the services in order, keeps each alive by itself, stops them newest first."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, Literal, TypeAlias

import msgspec
import structlog

from fibrix.errors import FibrixError
from fibrix.runtime.clock import monotonic_s, utc_now
from fibrix.runtime.service import Service

log = structlog.get_logger()

HealthState: TypeAlias = Literal["waiting", "starting", "running", "failed", "stopped"]
"""`waiting`: not its turn yet; `failed`: it will be started again after a pause."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How one service fares."""

    name: str
    state: HealthState
    restarts: int  # after failures, since the process began
    last_error: str  # in words; empty: none
    since: datetime  # it is in this state


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """The supervisor's time limits, in seconds."""

    start_s: float = 30.0  # a service that does not serve by then is ended and counts as failed
    stop_s: float = 10.0  # per service; then the next one is stopped, and the log names the late one
    first_pause_s: float = 1.0  # before the first restart; doubled with each failure
    most_pause_s: float = 60.0
    calm_s: float = 60.0  # a service that ran for so long starts over with the first pause


DEFAULT_PATIENCE: Final = Patience()


class Supervisor:
    """Runs services for as long as `run` is not cancelled. A bug ends its service, never the process."""

    def __init__(self, services: Sequence[Service], patience: Patience = DEFAULT_PATIENCE) -> None:
        self._keepers = [_Keeper(service, patience) for service in services]
        self._stop_s = patience.stop_s

    def health(self) -> list[Health]:
        """How each service fares, in the order of their start."""
        return [keeper.health for keeper in self._keepers]

    async def run(self, ready: asyncio.Event) -> None:
        """Start all in order, set `ready`, keep them until cancelled, stop them newest first.

        The next service is started when the one before serves, or has failed for the first time. One that is late to
        stop is cancelled once more when all the others have stopped.
        """
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[None]] = []
            try:
                for keeper in self._keepers:
                    tasks.append(group.create_task(keeper.run(), name=keeper.health.name))
                    await keeper.tried.wait()
                ready.set()
                await asyncio.Event().wait()
            finally:
                for task in reversed(tasks):
                    await self._stop(task)

    async def _stop(self, task: asyncio.Task[None]) -> None:
        """End one service and wait for it, but not for ever."""
        task.cancel()
        _, late = await asyncio.wait([task], timeout=self._stop_s)
        if late:
            log.error("service.late", service=task.get_name(), limit_s=self._stop_s)


class _Keeper:
    """Keeps one service alive."""

    def __init__(self, service: Service, patience: Patience) -> None:
        self.tried = asyncio.Event()  # it serves, or failed to
        self.health = Health(name=service.name, state="waiting", restarts=0, last_error="", since=utc_now())
        self._service = service
        self._patience = patience
        self._pause_s = patience.first_pause_s

    async def run(self) -> None:
        """Start the service, and again after each failure, until cancelled."""
        try:
            while True:
                await self._once()
                self.tried.set()
                await asyncio.sleep(self._pause_s)
                self._pause_s = min(2 * self._pause_s, self._patience.most_pause_s)
                self._note("starting", restarts=self.health.restarts + 1)
        finally:
            self._note("stopped")

    async def _once(self) -> None:
        """Run the service until it fails, and note why. Only our own cancellation goes on."""
        began_s = monotonic_s()
        reason, cause = await self._failure()
        if monotonic_s() - began_s >= self._patience.calm_s:
            self._pause_s = self._patience.first_pause_s
        self._note("failed", last_error=reason)
        trace = None if _is_ours(cause) else cause  # our own errors say all there is to say
        log.error("service.failed", service=self.health.name, reason=reason, again_in_s=self._pause_s, exc_info=trace)

    async def _failure(self) -> tuple[str, BaseException | None]:
        """Run the service; come back with the reason when it ends. Whatever it raises stays here."""
        limit = asyncio.timeout(self._patience.start_s)
        try:
            async with limit:
                await self._service.run(_Ready(lambda: self._serves(limit)))
        except asyncio.CancelledError as exc:
            if _being_cancelled():
                raise
            return "something that it waited for was cancelled", exc
        except Exception as exc:  # noqa: BLE001 - the one place: a bug ends its service, not the process
            late = isinstance(exc, TimeoutError) and limit.expired()
            return (f"it did not serve within {self._patience.start_s} s" if late else _in_words(exc)), exc
        return "it ended by itself", None

    def _serves(self, limit: asyncio.Timeout) -> None:
        """The service has set its event: lift the time limit."""
        with suppress(RuntimeError):  # it was late, and is being cancelled already
            limit.reschedule(None)
        self._note("running")
        self.tried.set()
        log.info("service.running", service=self._service.name)

    def _note(self, state: HealthState, *, restarts: int | None = None, last_error: str | None = None) -> None:
        """Put the present state where `health` is read."""
        old = self.health
        self.health = Health(
            name=old.name,
            state=state,
            restarts=old.restarts if restarts is None else restarts,
            last_error=old.last_error if last_error is None else last_error,
            since=utc_now(),
        )


class _Ready(asyncio.Event):
    """The event that a service sets once it serves; its keeper hears of it at once."""

    def __init__(self, serves: Callable[[], None]) -> None:
        super().__init__()
        self._serves = serves

    def set(self) -> None:
        """Tell the keeper, the first time."""
        if not self.is_set():
            self._serves()
        super().set()


def _being_cancelled() -> bool:
    """Tell whether someone cancelled the running task, rather than something that it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _is_ours(error: BaseException | None) -> bool:
    """Tell whether it was raised on purpose, by us: alone, or as a group of nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_ours(part) for part in error.exceptions)
    return isinstance(error, FibrixError)


def _in_words(error: BaseException) -> str:
    """Say what went wrong: our own errors by their message, others with their type, groups by their parts."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_in_words(part) for part in error.exceptions)
    return str(error) if isinstance(error, FibrixError) else f"{type(error).__name__}: {error}"
