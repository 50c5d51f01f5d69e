"""Builds an image from its recipe: tree, boot loader, disk, compressed file, manifest."""

import asyncio
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fibrix.config import EphemeralConfig
from fibrix.domain.image import ImageManifest, OperatingSystem, check_name, decode_manifest, encode_manifest
from fibrix.ephemeral.command import run
from fibrix.ephemeral.image import grub
from fibrix.ephemeral.image.disk import MIB, ROOT_PARTITION, fstab, layout_for, make_disk
from fibrix.ephemeral.image.recipe import Recipe
from fibrix.ephemeral.image.tree import make_tree
from fibrix.errors import BuildError, InvalidError

CONSOLE: Final = "console=tty0 console=ttyS0,115200"
"""Kernel arguments: the screen and the first serial port; the last one named is the system's console."""

_MIN_MEMORY_BYTES: Final = 512 * MIB
_ZSTD_LEVEL: Final = 9  # 12 takes nearly three times as long and saves a hundredth


async def build_debian(
    config: EphemeralConfig,
    *,
    images_dir: Path,
    cache_dir: Path,
    name: str = "debian-12",
    fresh: bool = False,
    progress: Callable[[str], None],
) -> ImageManifest:
    """Build the Debian image, unless the one of that name was built from the same recipe already.

    `fresh` builds it in any case, to take in newer packages. Raises BuildError with the failing step; what was there
    before stays then. `progress` is told each step in words.
    """
    recipe = Recipe.debian(config)
    folder = images_dir / check_name(name)
    with _alone(cache_dir) as work:
        present = None if fresh else _present(folder, recipe.content)
        if present:
            progress(f"{name} is there already, built {present.built_at:%Y-%m-%d %H:%M} from the same recipe")
            return present
        try:
            return await _build(recipe, folder, cache_dir, work, progress)
        except OSError as exc:
            raise BuildError(f"build {name}: {exc.filename or work}: {exc.strerror}") from exc


async def _build(
    recipe: Recipe, folder: Path, cache_dir: Path, work: Path, progress: Callable[[str], None]
) -> ImageManifest:
    tree, disk = work / "root", work / "disk.raw"
    progress(f"install Debian {recipe.suite}: {len(recipe.packages)} packages and what they need")
    debs = cache_dir / "debs"
    debs.mkdir(exist_ok=True)
    packages = await make_tree(recipe, tree, debs)
    layout = layout_for(recipe.content, await _tree_bytes(tree))
    progress(f"make the disk: {layout.size_mib} MiB")
    (tree / "etc/fstab").write_text(fstab(layout))
    (tree / "boot/efi").mkdir(exist_ok=True)
    grub.install_modules(tree, layout.uuid("root file system"), CONSOLE)
    await make_disk(layout, tree, await grub.make_cores(tree, work, ROOT_PARTITION), disk)
    progress("compress it")
    packed = work / "disk.raw.zst"
    await run("zstd", "--quiet", "--threads=0", f"-{_ZSTD_LEVEL}", disk, "-o", packed, step="compress the image")
    sha256 = await asyncio.to_thread(_sha256, packed)
    manifest = ImageManifest(
        name=folder.name,
        title=f"Debian {_os_release(tree)['VERSION']}",
        file=f"{sha256[:16]}.raw.zst",
        sha256=sha256,
        compressed_bytes=packed.stat().st_size,
        size_bytes=disk.stat().st_size,
        os=OperatingSystem(id=_os_release(tree)["ID"], version=_os_release(tree)["VERSION_ID"]),
        min_memory_bytes=_MIN_MEMORY_BYTES,
        built_at=datetime.now(UTC).replace(microsecond=0),
        content=recipe.content,
    )
    _publish(folder, packed, manifest, packages)
    progress(f"{manifest.name}: {manifest.compressed_bytes // MIB} MiB, {manifest.size_bytes // MIB} MiB on disk")
    return manifest


@contextmanager
def _alone(cache_dir: Path) -> Iterator[Path]:
    """A work folder for one build at a time, empty at the start and gone at the end, whatever an earlier one left."""
    cache_dir.mkdir(parents=True, exist_ok=True)
    work = cache_dir / "image-work"
    with (cache_dir / "image.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise BuildError(f"another build of an image is under way in {cache_dir}") from exc
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _present(folder: Path, content: str) -> ImageManifest | None:
    """The image that is there, if it is whole and of this content."""
    try:
        manifest = decode_manifest((folder / "manifest.json").read_bytes(), name=folder.name)
        whole = (folder / manifest.file).stat().st_size == manifest.compressed_bytes
    except (OSError, InvalidError):
        return None  # none, or a broken one: either is built anew
    return manifest if whole and manifest.content == content else None


async def _tree_bytes(tree: Path) -> int:
    listing = await run("du", "--summarize", "--block-size=1", tree, step="measure the root file system")
    return int(listing.split()[0])


def _os_release(tree: Path) -> dict[str, str]:
    lines = (tree / "usr/lib/os-release").read_text().splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _publish(folder: Path, packed: Path, manifest: ImageManifest, packages: dict[str, str]) -> None:
    """Put the file in, then the manifest that names it, in one step; then remove what no manifest names."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.move(packed, folder / f".{manifest.file}")
    (folder / f".{manifest.file}").replace(folder / manifest.file)
    (folder / "packages.txt").write_text("".join(f"{name} {version}\n" for name, version in sorted(packages.items())))
    _write_durably(folder / "manifest.json", encode_manifest(manifest))
    for path in folder.iterdir():
        if path.name not in {manifest.file, "manifest.json", "packages.txt"}:
            path.unlink()


def _write_durably(path: Path, data: bytes) -> None:
    aside = path.with_suffix(".new")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
