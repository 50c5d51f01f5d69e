"""The disk: a GPT with a BIOS boot partition, an EFI system partition and the root file system, in a plain file.

Nothing is mounted and no loop device is used: each tool writes at its partition's offset in the file.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fibrix.ephemeral.command import run
from fibrix.ephemeral.image import grub

MIB: Final = 1 << 20
ROOT_PARTITION: Final = 3

_BIOS_BOOT_MIB: Final = 1
_ESP_MIB: Final = 64
_TAIL_MIB: Final = 1  # the second GPT
_SPARE_MIB: Final = 96  # room in the root file system until it has grown to its disk
_JOURNAL_MIB: Final = 64  # enough for a disk of any size that the file system grows to

# UEFI Specification 2.10 §5.3.3; GRUB manual, "BIOS installation"; UAPI Discoverable Partitions Specification
_BIOS_BOOT_TYPE: Final = "21686148-6449-6E6F-744E-656564454649"
_ESP_TYPE: Final = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_ROOT_TYPE: Final = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are on the disk, in MiB from its start; its ids come from the content: equal builds are alike."""

    content: str
    root_mib: int

    @property
    def bios_boot_mib(self) -> int:
        """Start of the BIOS boot partition: the first mebibyte is the partition table's."""
        return 1

    @property
    def esp_mib(self) -> int:
        """Start of the EFI system partition."""
        return self.bios_boot_mib + _BIOS_BOOT_MIB

    @property
    def root_start_mib(self) -> int:
        """Start of the root partition, which is last so that it can grow."""
        return self.esp_mib + _ESP_MIB

    @property
    def size_mib(self) -> int:
        """Size of the whole disk."""
        return self.root_start_mib + self.root_mib + _TAIL_MIB

    def uuid(self, what: str) -> str:
        """An id of a part of this disk."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"fibrix image {self.content} {what}"))

    @property
    def esp_serial(self) -> str:
        """Volume id of the EFI system partition: 8 hex digits."""
        return self.uuid("esp file system")[:8]


def layout_for(content: str, tree_bytes: int) -> Layout:
    """Lay out a disk for a root tree of so many bytes; file system overhead and room to boot in are added."""
    return Layout(content, root_mib=tree_bytes * 108 // 100 // MIB + _JOURNAL_MIB + _SPARE_MIB)


async def make_disk(layout: Layout, tree: Path, cores: grub.Cores, disk: Path) -> None:
    """Write the disk into a file that does not exist yet. Raises BuildError, OSError."""
    with disk.open("xb") as file:
        file.truncate(layout.size_mib * MIB)
    await run("sfdisk", "--quiet", disk, step="partition the image", stdin=_partition_script(layout).encode())
    await _make_esp(layout, cores, disk)
    await _make_root(layout, tree, disk)
    core_sector = layout.bios_boot_mib * MIB // grub.SECTOR_BYTES
    boot, core = grub.patch(cores.boot, cores.bios, core_sector)
    with disk.open("r+b") as file:
        file.write(boot)
        file.seek(core_sector * grub.SECTOR_BYTES)
        file.write(core)


def fstab(layout: Layout) -> str:
    """Mounts of the installed system. The EFI system partition is mounted only when someone looks."""
    return (
        f"UUID={layout.uuid('root file system')} / ext4 defaults,errors=remount-ro 0 1\n"
        f"UUID={layout.esp_serial[:4].upper()}-{layout.esp_serial[4:].upper()} /boot/efi vfat "
        "umask=0077,nofail,x-systemd.automount,x-systemd.idle-timeout=60 0 0\n"
    )


def _partition_script(layout: Layout) -> str:
    rows = (
        ("BIOS boot", _BIOS_BOOT_TYPE, layout.bios_boot_mib, _BIOS_BOOT_MIB),
        ("EFI system", _ESP_TYPE, layout.esp_mib, _ESP_MIB),
        ("root", _ROOT_TYPE, layout.root_start_mib, layout.root_mib),
    )
    parts = (
        f'start={start}MiB, size={size}MiB, type={kind}, uuid={layout.uuid(name)}, name="{name}"'
        for name, kind, start, size in rows
    )
    return "\n".join(["label: gpt", f"label-id: {layout.uuid('disk')}", *parts, ""])


async def _make_esp(layout: Layout, cores: grub.Cores, disk: Path) -> None:
    """FAT32 with GRUB at the removable path (UEFI Specification 2.10 §3.5.1.1), which needs no NVRAM entry."""
    step = "make the EFI system partition"
    offset_sectors = layout.esp_mib * MIB // grub.SECTOR_BYTES
    await run(
        "mkfs.vfat", "-F", "32", "-s", "1", "-n", "ESP", "-i", layout.esp_serial, f"--offset={offset_sectors}",
        disk, str(_ESP_MIB * 1024), step=step,
    )  # fmt: skip
    at = f"{disk}@@{layout.esp_mib * MIB}"
    await run("mmd", "-i", at, "::/EFI", "::/EFI/BOOT", step=step)
    await run("mcopy", "-i", at, cores.uefi, "::/EFI/BOOT/BOOTX64.EFI", step=step)


async def _make_root(layout: Layout, tree: Path, disk: Path) -> None:
    """Ext4 filled from the tree (mke2fs(8), -d); inode tables are written now, not by each machine at first boot."""
    extended = f"offset={layout.root_start_mib * MIB},lazy_itable_init=0,hash_seed={layout.uuid('hash seed')}"
    await run(
        "mkfs.ext4", "-q", "-F", "-L", "root", "-U", layout.uuid("root file system"), "-m", "1",
        "-J", f"size={_JOURNAL_MIB}", "-E", extended, "-d", tree, disk, f"{layout.root_mib}M",
        step="make the root file system",
    )  # fmt: skip
