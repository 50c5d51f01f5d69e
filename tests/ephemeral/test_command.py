import asyncio
from pathlib import Path

import pytest

from fibrix.ephemeral import command
from fibrix.errors import BuildError
from tests.support.waiting import until


async def test_the_standard_output_is_given() -> None:
    assert await command.run("sh", "-c", "echo out; echo noise >&2", step="try") == "out\n"


async def test_standard_input_is_fed_and_the_environment_is_added_to() -> None:
    assert await command.run("sh", "-c", 'cat; echo "$FIBRIX_X"', step="try", stdin=b"in ", env={"FIBRIX_X": "x"}) == (
        "in x\n"
    )


async def test_a_program_that_does_not_read_its_input_is_no_fault() -> None:
    assert await command.run("true", step="try", stdin=b"x" * 10_000_000) == ""


async def test_a_failure_names_the_step_the_status_and_the_last_lines() -> None:
    with pytest.raises(BuildError) as caught:
        await command.run("sh", "-c", "seq 100 >&2; exit 3", step="make the thing")
    lines = str(caught.value).splitlines()
    assert lines[0] == "make the thing: sh ended with exit status 3"
    assert [line.strip() for line in lines[1:]] == [str(n) for n in range(89, 101)]


async def test_a_signal_is_told_by_its_name() -> None:
    with pytest.raises(BuildError, match="signal SIGKILL"):
        await command.run("sh", "-c", "kill -9 $$", step="try")


async def test_a_missing_program_is_told_with_what_to_do() -> None:
    with pytest.raises(BuildError, match=r"no-such-program is not there; \./scripts/run"):
        await command.run("no-such-program", step="try")


async def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"try: sh took longer than 2 s"):
        await command.run("sh", "-c", "sleep 100 & echo $! > child; wait", step="try", cwd=tmp_path, timeout_s=2)
    child = Path("/proc") / (tmp_path / "child").read_text().strip()
    await until(lambda: not child.exists())


async def test_cancelling_the_caller_ends_the_program(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(command.run("sh", "-c", "echo $$ > pid; exec sleep 100", step="try", cwd=tmp_path))
        for _ in range(200):
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
                break
            await asyncio.sleep(0.02)
        task.cancel()
    assert not (Path("/proc") / (tmp_path / "pid").read_text().strip()).exists()
