"""Processes that are waited for, and processes that stay."""

import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from fibrix.errors import LabError
from fibrix.lab.process import Daemon, daemon_of, gone, run, run_lines, start_daemon, stop, wait_for_udp
from tests.support.waiting import until


async def test_a_command_that_fails_says_which_and_why() -> None:
    with pytest.raises(LabError, match=r"(?s)sh -c .*status 3: out of cheese"):
        await run("sh", "-c", "echo out of cheese >&2; exit 3")


async def test_a_command_that_hangs_is_killed() -> None:
    with pytest.raises(LabError, match=r"not done in 0.1 s"):
        await run("sleep", "60", timeout_s=0.1)


async def test_lines_come_as_they_are_printed_and_failure_after_them() -> None:
    lines = run_lines("sh", "-c", "echo one; echo two >&2; exit 1")
    assert [await anext(lines), await anext(lines)] == ["one", "two"]
    with pytest.raises(LabError, match=r"(?s)status 1:.*two"):
        await anext(lines)


def held_by(daemon: Daemon) -> set[str]:
    found = set()
    for path in Path(f"/proc/{daemon.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(path.readlink().name)
    return found


async def test_a_daemon_leads_its_session_and_holds_nothing_of_its_caller(tmp_path: Path) -> None:
    reader, writer = socket.socketpair()
    writer.set_inheritable(True)
    daemon = await start_daemon(tmp_path / "pid", tmp_path / "log", "sleep", "60")
    try:
        assert Daemon.read(tmp_path / "pid") == daemon
        assert daemon.alive
        await until(lambda: held_by(daemon) == {"null", "log"})  # at first it reads its libraries
    finally:
        await stop([daemon])
        reader.close()
        writer.close()
    assert not daemon.alive


async def test_a_daemon_that_ends_at_once_is_known_and_not_alive(tmp_path: Path) -> None:
    for _ in range(20):  # now and then it has ended before it is looked at
        daemon = await start_daemon(tmp_path / "pid", tmp_path / "log", "true")
        await until(lambda daemon=daemon: not daemon.alive)  # type: ignore[misc]
    assert (tmp_path / "log").read_text() == ""


async def test_stopping_ends_children_too_and_kills_what_does_not_listen(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 60 & echo $! >child; while :; do sleep 1; done"
    daemon = await start_daemon(tmp_path / "pid", tmp_path / "log", "sh", "-c", f"cd {tmp_path}; {script}")
    note = tmp_path / "child"
    await until(lambda: note.exists() and note.read_text().endswith("\n"))
    child = daemon_of(int(note.read_text()))
    await stop([daemon], grace_s=0.2)
    assert not daemon.alive
    assert await gone([child], within_s=5)


async def test_a_recycled_pid_is_not_taken_for_the_daemon() -> None:
    own = Daemon.own()
    assert own.alive
    stranger = Daemon(own.pid, own.born - 1)
    assert not stranger.alive
    stranger.signal(signal.SIGKILL)  # or this test would not end
    assert await gone([stranger], within_s=0.1)


async def test_a_udp_port_is_waited_for(tmp_path: Path) -> None:
    program = "import socket,time; s=socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1',{})); time.sleep(60)"
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    daemon = await start_daemon(tmp_path / "pid", tmp_path / "log", sys.executable, "-c", program.format(port))
    try:
        assert await wait_for_udp(daemon, "127.0.0.1", port)
    finally:
        await stop([daemon])
    assert not await wait_for_udp(daemon, "127.0.0.1", port)
