"""What an image is made of. Its id says whether one that is there is still what would be built."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from fibrix.config import EphemeralConfig
from fibrix.ephemeral.apt_sources import debian_sources

BUILDER_VERSION: Final = 1
"""Counted up when the builder makes another image of the same packages and files."""

FILES: Final = Path(__file__).parent / "files"
"""Laid over the installed packages, below the root."""

_PACKAGES: Final = (
    "systemd-sysv systemd-resolved systemd-timesyncd libpam-systemd udev kmod dbus "  # the system
    "initramfs-tools zstd grub-pc-bin grub-efi-amd64-bin grub2-common e2fsprogs dosfstools fdisk "  # its boot and disks
    "iproute2 iputils-ping netbase ca-certificates curl "  # the network
    "cloud-init cloud-guest-utils openssh-server sudo "  # the deployment, the tenant
    "less nano vim-tiny procps"  # at hand when something is wrong
).split()

_LEFT_OUT: Final = (
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/doc/*",
    # modules of no use in a server; they come back with the next kernel package
    "/lib/modules/*/kernel/sound/*",
    "/lib/modules/*/kernel/drivers/bluetooth/*",
    "/lib/modules/*/kernel/drivers/gpu/drm/amd/*",
    "/lib/modules/*/kernel/drivers/gpu/drm/i915/*",
    "/lib/modules/*/kernel/drivers/gpu/drm/nouveau/*",
    "/lib/modules/*/kernel/drivers/gpu/drm/radeon/*",
    "/lib/modules/*/kernel/drivers/iio/*",
    "/lib/modules/*/kernel/drivers/media/*",
    "/lib/modules/*/kernel/drivers/net/wireless/*",
    "/lib/modules/*/kernel/drivers/staging/*",
    "/lib/modules/*/kernel/net/bluetooth/*",
    "/lib/modules/*/kernel/net/mac80211/*",
    "/lib/modules/*/kernel/net/rfkill/*",
    "/lib/modules/*/kernel/net/wireless/*",  # systemd-networkd would load it at each boot, for nothing
)
_KEPT: Final = ("/usr/share/doc/*/copyright",)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what the image will hold."""

    suite: str
    sources: tuple[str, ...]  # as mmdebstrap takes them
    packages: tuple[str, ...]
    left_out: tuple[str, ...]  # dpkg's path-exclude, while building only
    kept: tuple[str, ...]  # dpkg's path-include

    @classmethod
    def debian(cls, config: EphemeralConfig) -> "Recipe":
        """The recipe of a server image. Raises BuildError when no source of Debian is known."""
        return cls(
            suite=config.suite,
            sources=tuple(str(source) for source in debian_sources(config)),
            packages=(*_PACKAGES, config.kernel, *config.firmware),
            left_out=_LEFT_OUT,
            kept=_KEPT,
        )

    @property
    def content(self) -> str:
        """Id of what goes in: 32 hex digits. Versions of packages are not part of it: a build takes the newest."""
        digest = hashlib.sha256(msgspec.json.encode([BUILDER_VERSION, self]))
        for path in sorted(p for p in FILES.rglob("*") if p.is_file()):
            digest.update(f"\0{path.relative_to(FILES)}\0".encode() + path.read_bytes())
        return digest.hexdigest()[:32]
