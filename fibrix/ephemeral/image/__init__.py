"""Builds the images that machines are installed from: whole disks that boot by BIOS and by UEFI, of Debian alone."""

from fibrix.ephemeral.image.build import build_debian

__all__ = ["build_debian"]
