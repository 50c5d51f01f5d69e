"""What the kernel says of BMCs that are not there, in a network namespace of its own."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NETWORK = """
set -e
ip link set lo up
ip link add rack type veth peer name wire
ip address add 192.0.2.1/24 dev rack
ip link set rack up; ip link set wire up
exec "$@"
"""


def _namespaces() -> bool:
    unshare = shutil.which("unshare")
    return (
        unshare is not None
        and subprocess.run([unshare, "--map-root-user", "--net", "true"], check=False).returncode == 0
    )


@pytest.mark.skipif(not _namespaces(), reason="this kernel lets us make no network namespace")
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("192.0.2.9", "BMC: nobody on the network has that address: is the BMC plugged in?"),
        ("198.51.100.9", "BMC: there is no route to that network"),
        ("192.0.2.1", "BMC: it answers, but nothing listens on that UDP port: is IPMI over LAN enabled"),
    ],
)
async def test_a_bmc_that_cannot_be_reached_is_told_with_the_cause(address: str, words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "unshare", "--map-root-user", "--net", "sh", "-c", NETWORK, "sh",
        sys.executable, "-m", "tests.drivers.power.ask", address,
        cwd=ROOT, stdout=subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert words in output.decode()
