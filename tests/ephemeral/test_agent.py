"""The agent itself, run on this machine by busybox, against a real controller on a loopback socket."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from fibrix.ephemeral.recipe import AGENT_DIR
from tests.support.controller import Controller, Run

pytestmark = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("busybox", "curl", "jq")), reason="needs busybox, curl and jq"
)


class Agent:
    """An agent's home and its process; it may be killed and started again, as its first process does on a machine."""

    def __init__(self, home: Path, url: str, token: str) -> None:
        self.home = home
        self.state = home / "state"
        self._url = url
        self.status: int | None = None
        self.process: asyncio.subprocess.Process | None = None
        (home / "bin").mkdir()
        for name in ("setsid", "dd", "tail", "tee", "od", "stat", "wc", "sh", "mkfifo", "sleep", "sed", "sha256sum"):
            (home / "bin" / name).symlink_to(shutil.which("busybox") or "")
        self.state.mkdir()
        (self.state / "token").write_text(token)

    async def start(self, *, refused_s: int = 600) -> None:
        self.process = await asyncio.create_subprocess_exec(
            self.home / "bin/sh",
            AGENT_DIR / "agent.sh",
            env={
                "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
                "FIBRIX_STATE": str(self.state),
                "FIBRIX_URL": self._url,
                "FIBRIX_MAC": "52:54:00:77:00:01",
                "FIBRIX_CGROUPS": str(self.home / "cgroups"),
                "FIBRIX_LOG": str(self.home / "log"),
                "FIBRIX_REFUSED_S": str(refused_s),
            },
            start_new_session=True,
        )

    async def kill(self) -> None:
        """Kill the agent's first process alone, as the kernel's out-of-memory killer would."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def ended(self) -> int:
        assert self.process is not None
        return await self.process.wait()


@contextmanager
def listening(port: int = 0) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", port)) as listener:
        yield listener


@asynccontextmanager
async def agent_and_controller(home: Path, **agent: int) -> AsyncIterator[tuple[Agent, Controller]]:
    controller = Controller()
    with listening() as listener:
        async with controller.serving(listener):
            process = Agent(home, controller.url, controller.token)
            try:
                await process.start(**agent)
                yield process, controller
            finally:
                end_session(process)
                await process.ended()


def end_session(agent: Agent) -> None:
    """End every process that the agent started, found by the folder that all of them have in their environment."""
    mark = f"FIBRIX_STATE={agent.state}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                os.kill(int(path.parent.name), signal.SIGKILL)
        except OSError:
            continue  # it ended by itself meanwhile


def is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


async def result_of(run: Run) -> dict[str, object]:
    async with asyncio.timeout(30):
        await run.ended.wait()
    assert run.result is not None
    return run.result


async def test_a_script_runs_with_its_parameters_and_gives_values_and_output(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path) as (_, controller):
        run = controller.order(
            '#!/bin/sh\necho "hello $FIBRIX_WHO"; echo warning >&2; echo \'{"n": 7}\' >"$FIBRIX_RESULT"\n',
            {"who": 'it\'s "quoted" $HOME\nand more'},
        )
        result = await result_of(run)
    assert result == {"exit_status": 0, "timed_out": False, "aborted": False, "values": {"n": 7}, "reason": ""}
    assert 'hello it\'s "quoted" $HOME\nand more\n' in run.text_output
    assert "warning\n" in run.text_output
    assert controller.mac == "52:54:00:77:00:01"


async def test_the_reason_of_a_failure_is_the_last_line_of_standard_error(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path) as (_, controller):
        run = controller.order("#!/bin/sh\necho first >&2; echo 'the \033disk is gone' >&2; echo out; exit 3\n")
        result = await result_of(run)
    assert (result["exit_status"], result["reason"]) == (3, "the disk is gone")


async def test_binary_output_arrives_byte_for_byte(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1200 + os.urandom(100_001)
    (tmp_path / "data").write_bytes(data)
    async with agent_and_controller(tmp_path) as (_, controller):
        run = controller.order(f"#!/bin/sh\ncat {tmp_path}/data\n")
        await result_of(run)
    assert bytes(run.output) == data


async def test_output_is_seen_while_the_script_runs(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path) as (_, controller):
        go = tmp_path / "go"
        run = controller.order(f"#!/bin/sh\necho early; until [ -e {go} ]; do sleep 0.1; done; echo late\n")
        async with asyncio.timeout(30):
            await run.printed.wait()
        assert run.text_output == "early\n"
        go.touch()
        await result_of(run)
    assert run.text_output == "early\nlate\n"


async def test_output_without_end_is_cut_and_does_not_stop_the_script(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path) as (_, controller):
        run = controller.order("#!/bin/sh\nhead -c 6000000 /dev/zero\n")
        result = await result_of(run)
    assert result["exit_status"] == 0
    assert run.output.endswith(b"[fibrix: 1806000 more bytes of output were dropped]\n")


async def test_a_script_over_its_time_is_killed_with_all_its_children(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path) as (_, controller):
        pids = tmp_path / "pids"
        text = (
            f"#!/bin/sh\nsleep 1000 & echo $! >{pids}; trap '' TERM INT; echo $$ >>{pids}; while :; do sleep 9; done\n"
        )
        run = controller.order(text, timeout_s=4)
        result = await result_of(run)
    assert (result["timed_out"], result["exit_status"]) == (True, 137)
    assert result["reason"] == "stopped: its time limit of 4 s was over"
    assert not [pid for pid in pids.read_text().split() if is_running(pid)]


async def test_an_abort_reaches_a_running_script_by_the_heartbeat(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path) as (_, controller):
        run = controller.order("#!/bin/sh\necho on; sleep 1000\n")
        async with asyncio.timeout(30):
            await run.beaten.wait()
        controller.abort = True
        result = await result_of(run)
    assert (result["aborted"], result["reason"]) == (True, "aborted by the controller")


@pytest.mark.parametrize("content", ["no json", "[1]", '{"a": 1} {"b": 2}', '{"a": "' + "x" * 262144 + '"}'])
async def test_a_bad_result_file_fails_the_run_with_its_reason(tmp_path: Path, content: str) -> None:
    (tmp_path / "content").write_text(content)
    async with agent_and_controller(tmp_path) as (_, controller):
        result = await result_of(controller.order(f'#!/bin/sh\ncp {tmp_path}/content "$FIBRIX_RESULT"\n'))
    assert result["exit_status"] == 1
    assert result["values"] == {}
    assert result["reason"] == "its result file is no JSON object of at most 262144 bytes"


async def test_a_script_that_is_not_what_was_ordered_is_not_run(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path) as (_, controller):
        result = await result_of(controller.order(f"#!/bin/sh\ntouch {tmp_path}/ran\n", sha256="0" * 64))
    assert (result["exit_status"], result["reason"]) == (1, "the script's checksum is wrong")
    assert not (tmp_path / "ran").exists()


async def test_a_run_that_is_ordered_again_is_reported_again_but_not_run_twice(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path) as (_, controller):
        run = controller.order(f"#!/bin/sh\necho ran >>{tmp_path}/ran; echo output\n")
        first = await result_of(run)
        run.ended.clear()
        controller.end("")
        assert await result_of(run) == first
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert run.results == 2


async def test_scripts_in_a_row_and_then_power_off(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path) as (agent, controller):
        runs = [controller.order(f"#!/bin/sh\necho {n}\n") for n in range(3)]
        controller.end("power-off")
        async with asyncio.timeout(30):
            assert await agent.ended() == 100
    assert [run.text_output for run in runs] == ["0\n", "1\n", "2\n"]


async def test_a_controller_that_goes_away_in_mid_script_misses_nothing(tmp_path: Path) -> None:
    controller = Controller()
    with listening() as listener:
        port = listener.getsockname()[1]
        agent = Agent(tmp_path, f"http://127.0.0.1:{port}/agent/v1/", controller.token)
        try:
            async with controller.serving(listener):
                run = controller.order("#!/bin/sh\nfor n in 1 2 3 4 5 6; do echo $n; sleep 0.5; done\n")
                await agent.start()
                async with asyncio.timeout(30):
                    await run.printed.wait()
            await asyncio.sleep(1)
            with listening(port) as again:
                async with controller.serving(again):
                    result = await result_of(run)
        finally:
            end_session(agent)
            await agent.ended()
    assert result["exit_status"] == 0
    assert run.text_output == "1\n2\n3\n4\n5\n6\n"


async def test_an_agent_that_is_started_anew_ends_what_it_had_begun(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path) as (agent, controller):
        run = controller.order("#!/bin/sh\necho on; sleep 1000\n")
        async with asyncio.timeout(30):
            await run.printed.wait()
        await agent.kill()
        await agent.start()
        result = await result_of(run)
    assert controller.hellos == 2  # with the same secret: it is welcome again
    assert result["exit_status"] != 0
    assert result["reason"] == "the agent was started anew"


async def test_a_refused_boot_stops_its_script_and_powers_off(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path, refused_s=2) as (agent, controller):
        pid = tmp_path / "pid"
        run = controller.order(f"#!/bin/sh\necho $$ >{pid}; echo on; sleep 1000\n")
        async with asyncio.timeout(30):
            await run.printed.wait()
        controller.refuse = 403
        async with asyncio.timeout(30):
            assert await agent.ended() == 100
    assert not is_running(pid.read_text().strip())


async def test_a_wrong_token_powers_off_after_its_time(tmp_path: Path) -> None:
    async with agent_and_controller(tmp_path, refused_s=2) as (agent, controller):
        controller.token = "another"
        async with asyncio.timeout(30):
            assert await agent.ended() == 100
