"""A machine's QEMU command line."""

import shlex
import shutil
from pathlib import Path

import pytest

from fibrix.lab import accelerator
from fibrix.lab.machine import qemu_command
from fibrix.lab.spec import LabSpec

_VIRTUALISES = not {"vmx", "svm"}.isdisjoint(Path("/proc/cpuinfo").read_text().split())


def words(spec: LabSpec, folder: Path) -> list[str]:
    return shlex.split(qemu_command(spec, spec.plans()[0], folder))


def test_the_boot_order_is_left_to_whoever_starts_it(tmp_path: Path) -> None:
    argv = words(LabSpec(), tmp_path)
    assert [word.rpartition("bootindex=")[2] for word in argv if "bootindex" in word] == ["$1", "$2"]


def test_the_firmware_brings_its_own_network_boot(tmp_path: Path) -> None:
    bios, uefi = words(LabSpec(), tmp_path), words(LabSpec(firmware="uefi"), tmp_path)
    assert not any("pflash" in word for word in bios)
    assert not any("romfile" in word for word in bios)
    assert sum("pflash" in word for word in uefi) == 2
    assert any("romfile=," in word for word in uefi)


def test_a_reboot_ends_qemu_so_that_the_keeper_starts_a_fresh_one(tmp_path: Path) -> None:
    assert "-no-reboot" in words(LabSpec(), tmp_path)


def test_a_folder_with_odd_characters_stays_one_word(tmp_path: Path) -> None:
    argv = words(LabSpec(), tmp_path / "a b'c")
    assert any(word.endswith("a b'c/serial.log,append=on") for word in argv)


@pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="QEMU is not installed")
async def test_the_probe_sees_a_guest_run() -> None:
    assert await accelerator.runs_a_guest("tcg")


@pytest.mark.skipif(_VIRTUALISES, reason="this CPU can virtualise")
async def test_a_device_node_without_a_cpu_that_virtualises_is_not_kvm() -> None:
    assert await accelerator.choose() == "tcg"
