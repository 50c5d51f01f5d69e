"""The boot loader: GRUB for BIOS and for UEFI, put in place without a block device.

grub-install wants to see the disk it installs to. An image is a file, so what it does is done here by hand, from the
image's own GRUB: core images by grub-mkimage, and the two sector numbers that grub-bios-setup would patch.
"""

import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fibrix.ephemeral.command import run
from fibrix.errors import BuildError

SECTOR_BYTES: Final = 512

# Offsets in octets: boot.img (grub-core/boot/i386/pc/boot.S) and the first sector of the core image (diskboot.S).
_KERNEL_SECTOR: Final = 0x5C  # u64 LE: where the core image starts
_DRIVE_CHECK: Final = 0x66  # a jump over code for BIOSes that pass a wrong drive number
_PARTITION_TABLE: Final = 0x1B8  # disk signature and protective MBR from here on: not the loader's
_FIRST_BLOCK_LIST: Final = 0x1F4  # u64 LE: where the rest of the core image starts

_NOP_NOP: Final = b"\x90\x90"

_COMMON: Final = (
    "part_gpt",
    "ext2",
    "normal",
    "configfile",
    "linux",
    "search",
    "search_fs_uuid",
    "serial",
    "terminal",
    "test",
    "echo",
    "all_video",
    "gzio",
)
_PLATFORMS: Final = {"i386-pc": ("biosdisk",), "x86_64-efi": ("fat", "efi_gop", "efi_uga")}


@dataclass(frozen=True, slots=True)
class Cores:
    """What goes outside of the root file system."""

    boot: bytes  # one sector: code for the master boot record
    bios: bytes  # the core image, for the BIOS boot partition
    uefi: Path  # the same as an EFI program


def install_modules(tree: Path, root_uuid: str, console: str) -> None:
    """Put GRUB's modules and first menu below `/boot/grub`, as grub-install and update-grub would."""
    for platform in _PLATFORMS:
        source = tree / "usr/lib/grub" / platform
        target = tree / "boot/grub" / platform
        target.mkdir(parents=True)
        for path in sorted([*source.glob("*.mod"), *source.glob("*.lst")]):
            shutil.copyfile(path, target / path.name)
    (tree / "boot/grub/grub.cfg").write_text(_menu(_kernel_version(tree), root_uuid, console))


async def make_cores(tree: Path, work: Path, root_partition: int) -> Cores:
    """Make both core images; they look for `/boot/grub` on the disk that they were read from, and on no other."""
    made: dict[str, Path] = {}
    for platform, own in _PLATFORMS.items():
        made[platform] = work / f"core-{platform}.img"
        await run(
            "grub-mkimage", "--directory", tree / "usr/lib/grub" / platform, "--format", platform,
            "--output", made[platform], "--prefix", f"(,gpt{root_partition})/boot/grub", *_COMMON, *own,
            step=f"make the boot loader for {platform}",
        )  # fmt: skip
    boot = (tree / "usr/lib/grub/i386-pc/boot.img").read_bytes()
    return Cores(boot, made["i386-pc"].read_bytes(), made["x86_64-efi"])


def patch(boot: bytes, core: bytes, core_sector: int) -> tuple[bytes, bytes]:
    """Tell the boot sector where the core image lies, and the core image where its own rest lies.

    Gives the code for the first 440 octets of the disk and the core image for `core_sector`.
    """
    first = bytearray(boot)
    struct.pack_into("<Q", first, _KERNEL_SECTOR, core_sector)
    first[_DRIVE_CHECK : _DRIVE_CHECK + 2] = _NOP_NOP
    rest = bytearray(core)
    struct.pack_into("<Q", rest, _FIRST_BLOCK_LIST, core_sector + 1)
    return bytes(first[:_PARTITION_TABLE]), bytes(rest)


def _kernel_version(tree: Path) -> str:
    versions = sorted(path.name.removeprefix("vmlinuz-") for path in (tree / "boot").glob("vmlinuz-*"))
    if not versions or not (tree / "boot" / f"initrd.img-{versions[-1]}").exists():
        raise BuildError("write the boot menu: the packages brought no kernel with an initrd")
    return versions[-1]


def _menu(version: str, root_uuid: str, console: str) -> str:
    return f"""\
# The first boot's; update-grub writes this file anew.
set timeout=0
if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi
menuentry "Debian GNU/Linux, {version}" {{
  linux /boot/vmlinuz-{version} root=UUID={root_uuid} ro {console}
  initrd /boot/initrd.img-{version}
}}
"""
