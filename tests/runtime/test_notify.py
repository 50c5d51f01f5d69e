"""systemd is told by real datagrams on a real socket."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fibrix.runtime.notify import Notifier, Watchdog


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A service manager's socket, and its address as the environment has it."""
    path = str(tmp_path / "notify") if request.param == "path" else f"@fibrix-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path.replace("@", "\0"))
        receiver.settimeout(2)
        yield path, receiver


def test_readiness_and_the_end_are_told(manager: tuple[str, socket.socket]) -> None:
    address, receiver = manager
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": address})
    notifier.ready("7 services")
    notifier.stopping()
    assert receiver.recv(100) == b"READY=1\nSTATUS=7 services"
    assert receiver.recv(100) == b"STOPPING=1"


async def test_the_watchdog_gets_a_sign_of_life_twice_per_interval(manager: tuple[str, socket.socket]) -> None:
    address, receiver = manager
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "40000", "WATCHDOG_PID": str(os.getpid())}
    receiver.settimeout(0)
    loop, began = asyncio.get_running_loop(), time.monotonic()
    async with asyncio.timeout(8), asyncio.TaskGroup() as group:
        alive = group.create_task(Watchdog(Notifier.from_environ(environ)).run(asyncio.Event()), name="watchdog")
        assert [await loop.sock_recv(receiver, 100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        alive.cancel()
    assert time.monotonic() - began >= 0.04


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}])
def test_what_is_not_meant_for_us_is_left_alone(environ: dict[str, str]) -> None:
    notifier = Notifier.from_environ(environ)
    assert notifier.watchdog_s == 0
    with capture_logs() as logs:
        notifier.ready("")
    assert logs == []


def test_a_manager_that_is_gone_is_logged_and_no_failure(tmp_path: Path) -> None:
    with capture_logs() as logs:
        Notifier.from_environ({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("")
    assert [line["event"] for line in logs] == ["systemd.not_notified"]
