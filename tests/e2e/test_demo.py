"""The two commands' main job, as a newcomer calls it: a rack in a box, from plugged in to deployed and back."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.lab.labs import needs_root, traces
from tests.support.built import STATE_DIR

pytestmark = [pytest.mark.e2e, needs_root]
ROOT = Path(__file__).resolve().parents[2]


async def run_demo(*options: str) -> tuple[int, str]:
    """Call ./scripts/run as README says; gives its exit status and all that it printed."""
    argv = (str(ROOT / "scripts" / "run"), *options, "--demo", "--state-dir", str(STATE_DIR))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FIBRIX_")}
    process = await asyncio.create_subprocess_exec(
        *argv, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    print(output.decode())  # noqa: T201 - shown when the test fails
    return process.returncode or 0, output.decode()


@pytest.mark.timeout(1500)
async def test_a_uefi_machine_with_ipmi_2_0_is_deployed_logged_in_to_and_released() -> None:
    status, said = await run_demo("--lab", "1", "--name", "t-uefi", "--firmware", "uefi", "--bmc", "2.0")
    assert status == 0
    assert "Linux node1" in said
    assert not traces("t-uefi")


@pytest.mark.timeout(1800)
async def test_two_machines_at_once_are_deployed_logged_in_to_and_released() -> None:
    status, said = await run_demo("--lab", "2", "--name", "t-two", "--bmc", "1.5")
    assert status == 0
    assert "Linux node1" in said
    assert "Linux node2" in said
    assert not traces("t-two")
