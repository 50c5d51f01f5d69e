"""The power button: chassis.sh and keeper.sh, on a `start` script that ends as QEMU does."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fibrix.errors import LabError
from fibrix.lab.process import SHELL, Daemon, run
from tests.support.waiting import until

_RESET = '{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}'
_OFF = '{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}'


class Button:
    """One machine's power button."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def starts(self, script: str) -> None:
        """Say what runs in place of QEMU; its arguments are the boot order of network and disk."""
        start = self.folder / "start"
        start.write_text(f'#!/bin/sh\necho "$1 $2" >>order\n{script}\n')
        start.chmod(0o755)

    async def __call__(self, *words: str) -> str:
        return await run(SHELL / "chassis.sh", self.folder, *words)

    async def order(self, boots: int) -> list[str]:
        """Wait for that many boots."""
        await until(lambda: len(self._orders()) >= boots)
        return self._orders()

    def _orders(self) -> list[str]:
        path = self.folder / "order"
        return path.read_text().splitlines() if path.exists() else []

    async def is_off(self) -> None:
        """Wait until its keeper is gone."""
        keeper = Daemon.read(self.folder / "power.pid")
        assert keeper
        await until(lambda: not keeper.alive)
        assert await self("get", "power") == "power:0\n"


@pytest.fixture
def button(tmp_path: Path) -> Iterator[Button]:
    made = Button(tmp_path)
    made.starts("sleep 60")
    yield made
    if keeper := Daemon.read(tmp_path / "power.pid"):
        keeper.signal(signal.SIGKILL)


async def test_on_and_off_are_seen_at_once(button: Button) -> None:
    assert await button("get", "power") == "power:0\n"
    await button("set", "power", "1")
    assert await button("get", "power") == "power:1\n"
    await button("set", "power", "0")
    assert await button("get", "power") == "power:0\n"


async def test_on_twice_is_on_once(button: Button) -> None:
    await button("set", "power", "1")
    before = Daemon.read(button.folder / "power.pid")
    await button("set", "power", "1")
    assert Daemon.read(button.folder / "power.pid") == before
    assert await button.order(1) == ["1 2"]


async def test_a_guest_that_reboots_gets_a_new_start_and_stays_on(button: Button) -> None:
    button.starts(f"[ $(wc -l <order) -lt 3 ] && echo '{_RESET}' && exit; sleep 60")
    await button("set", "power", "1")
    await button.order(3)
    assert await button("get", "power") == "power:1\n"


@pytest.mark.parametrize("ending", [f"echo '{_OFF}'", "exit 1", "true"], ids=["powers itself off", "fails", "ends"])
async def test_a_guest_that_ends_otherwise_is_off(button: Button, ending: str) -> None:
    button.starts(ending)
    await button("set", "power", "1")
    await button.is_off()
    assert await button.order(1) == ["1 2"]


@pytest.mark.parametrize(("device", "order"), [("pxe", "1 2"), ("default", "2 1"), ("none", "1 2")])
async def test_a_boot_device_is_for_one_boot(button: Button, device: str, order: str) -> None:
    await button("set", "boot", device)
    assert await button("get", "boot") == f"boot:{device}\n"
    await button("set", "power", "1")
    await button.order(1)
    await button("set", "reset", "1")
    assert await button.order(2) == [order, "1 2"]
    assert await button("get", "boot") == "boot:none\n"


async def test_reset_of_a_machine_that_is_off_does_nothing(button: Button) -> None:
    with pytest.raises(LabError, match="status 1"):
        await button("set", "reset", "1")
    assert await button("get", "power") == "power:0\n"


async def test_soft_off_presses_the_acpi_button(button: Button) -> None:
    button.starts('while read -r line; do echo "$line" >>heard; case $line in *powerdown*) exit;; esac; done')
    await button("set", "power", "1")
    await button.order(1)
    await button("set", "shutdown", "1")
    await button.is_off()
    assert "qmp_capabilities" in (button.folder / "heard").read_text().splitlines()[0]


async def test_it_answers_well_within_a_bmcs_patience(button: Button) -> None:
    await button("set", "power", "1")
    took_s = []
    for _ in range(5):
        began_s = time.monotonic()
        await button("get", "power")
        took_s.append(time.monotonic() - began_s)
    assert min(took_s) < 0.1
