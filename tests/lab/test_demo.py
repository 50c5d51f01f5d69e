"""The demo when it goes wrong; tests/e2e sees it go well."""

import asyncio
import io
import signal
import sys
from pathlib import Path

import pytest
from rich.console import Console

from fibrix.lab.demo import Demo
from fibrix.lab.process import python_module
from fibrix.lab.spec import LabSpec
from tests.lab.labs import needs_root, traces
from tests.support.waiting import until

pytestmark = needs_root


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def demo(name: str, state_dir: Path, out: io.StringIO) -> Demo:
    return Demo(LabSpec(name=name, memory_mb=128), state_dir, Console(file=out, width=200))


def disks(folder: Path) -> list[Path]:
    return list(folder.rglob("*.qcow2"))


@pytest.fixture
def nothing_to_build_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The builders find no package sources, and so fail at once."""
    empty = tmp_path / "empty.list"
    empty.touch()
    monkeypatch.setenv("FIBRIX_EPHEMERAL_APT_SOURCES", str(empty))


@pytest.mark.usefixtures("nothing_to_build_from")
async def test_a_failed_build_ends_it_with_the_reason_and_only_logs_are_left(tmp_path: Path, out: io.StringIO) -> None:
    assert not await demo("t-demo-a", tmp_path, out).run()
    assert "build" in out.getvalue()
    assert "✗" in out.getvalue()
    assert f"logs are left in {tmp_path}/lab-t-demo-a" in out.getvalue()
    assert traces("t-demo-a") == []
    assert not disks(tmp_path)


@pytest.mark.usefixtures("nothing_to_build_from")
async def test_logs_of_a_failure_do_not_hinder_the_next(tmp_path: Path, out: io.StringIO) -> None:
    for _ in range(2):
        assert not await demo("t-demo-b", tmp_path, out).run()
    assert "is up already" not in out.getvalue()


async def test_a_lab_of_somebody_else_is_left_alone(tmp_path: Path, out: io.StringIO) -> None:
    first = demo("t-demo-c", tmp_path, out)
    await first.rack.up(owned=True)
    try:
        assert not await demo("t-demo-c", tmp_path, out).run()
        assert "in use by process" in out.getvalue()
        assert [status.bmc for status in first.rack.status()] == ["up"]
    finally:
        await first.rack.down()


async def test_a_full_or_unwritable_state_folder_is_told_and_not_a_crash(tmp_path: Path, out: io.StringIO) -> None:
    (tmp_path / "images").touch()
    assert not await demo("t-demo-d", tmp_path, out).run()
    assert f"File exists: '{tmp_path}/images'" in out.getvalue()
    assert traces("t-demo-d") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_run_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    name = f"t-run-{number.value}"
    argv = (*python_module("fibrix"), "--state-dir", str(tmp_path), "lab", "run", "--name", name, "--machines", "1")
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*argv, stdout=log, stderr=log)
    api = tmp_path / f"lab-{name}" / "controller" / "api.sock"
    await until(lambda: api.exists() or process.returncode is not None, 60)
    assert traces(name)
    process.send_signal(number)
    await process.wait()
    assert traces(name) == []
    assert not (tmp_path / f"lab-{name}").exists()
    assert b"lab power" in (tmp_path / "log").read_bytes()
    assert b"Traceback" not in (tmp_path / "log").read_bytes(), sys.stderr.write((tmp_path / "log").read_text())
