"""Images: what is written to a machine's disk, and the manifest that says all about it."""

import re
from datetime import datetime
from typing import Final, Literal

import msgspec

from fibrix.errors import InvalidError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class OperatingSystem(msgspec.Struct, frozen=True, kw_only=True):
    """What is on an image, in the words of its os-release(5)."""

    id: str  # ID: "debian"
    version: str  # VERSION_ID: "12"


class ImageManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an image; `manifest.json` in its folder."""

    name: str  # that of its folder; what a deployment names
    title: str  # for people
    kind: Literal["disk"] = "disk"  # a whole disk, partition table and boot loader included
    format: Literal["raw.zst"] = "raw.zst"
    file: str  # beside the manifest
    sha256: str  # of `file`, compressed as it is
    compressed_bytes: int  # of `file`
    size_bytes: int  # decompressed: the least that a disk must hold
    os: OperatingSystem
    architecture: str = "amd64"  # Debian's name of it
    firmware: tuple[Literal["bios", "uefi"], ...] = ("bios", "uefi")  # that can boot it
    min_memory_bytes: int = 0
    built_at: datetime
    content: str = ""  # id of what it was built from; equal: nothing to build


def check_name(name: str) -> str:
    """Give back a name that an image may have: it is a folder's, and stands in URLs. Raises InvalidError."""
    if not _NAME.fullmatch(name):
        raise InvalidError(
            f"{name!r} cannot be an image's name: a-z, 0-9, dot, dash and underscore, at most 63 of them"
        )
    return name


def decode_manifest(text: bytes, *, name: str) -> ImageManifest:
    """Read `manifest.json` of the folder `name`. Raises InvalidError that says what is wrong with it."""
    try:
        manifest = msgspec.json.decode(text, type=ImageManifest)
    except msgspec.MsgspecError as exc:
        raise InvalidError(f"manifest of image {name}: {exc}") from exc
    faults = tuple(_faults(manifest, name))
    if faults:
        raise InvalidError(f"manifest of image {name}: {'; '.join(faults)}")
    return manifest


def encode_manifest(manifest: ImageManifest) -> bytes:
    """Write `manifest.json`, for people to read too."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def _faults(manifest: ImageManifest, name: str) -> list[str]:
    checks = (
        (manifest.name == name, f"its name is {manifest.name!r}"),
        (_FILE.fullmatch(manifest.file), f"{manifest.file!r} is no file name"),
        (_SHA256.fullmatch(manifest.sha256), "sha256 is not 64 hex digits"),
        (manifest.compressed_bytes > 0 and manifest.size_bytes > 0, "a size is not above zero"),
    )
    return [fault for good, fault in checks if not good]
