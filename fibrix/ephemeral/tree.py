"""The tree of unpacked Debian packages that the ephemeral OS is taken from: made by mmdebstrap, kept in the cache."""

import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fibrix.config import EphemeralConfig
from fibrix.ephemeral.apt_sources import debian_sources
from fibrix.ephemeral.command import run
from fibrix.ephemeral.modules import kernel_version
from fibrix.ephemeral.recipe import packages
from fibrix.errors import BuildError

_LIBRARY_DIRS: Final = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
_LOADER: Final = "lib64/ld-linux-x86-64.so.2"
_LEFT_OUT: Final = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


@dataclass(frozen=True, slots=True)
class Tree:
    """Unpacked packages: nothing was configured, nothing of it ever ran as a system."""

    path: Path
    versions: tuple[str, ...]  # file names of the packages, with their versions

    def resolve(self, name: str) -> Path:
        """Follow a file's links as if the tree were the root. Raises BuildError when it leads out, or to nothing."""
        path = self.path / name
        for _ in range(8):
            if not path.is_symlink():
                break
            target = path.readlink()
            path = self.path / target.relative_to("/") if target.is_absolute() else path.parent / target
        if not path.is_file() or not path.resolve().is_relative_to(self.path.resolve()):
            raise BuildError(f"find {name}: the packages do not hold it")
        return path

    async def libraries(self, programs: Iterable[str]) -> list[str]:
        """Paths of all shared libraries that these programs are linked with, relative to the tree, sorted."""
        found = {_LOADER}
        for program in programs:
            listing = await self._load("--list", self.path / program, step=f"find the libraries of {program}")
            found.update(self._listed(line) for line in listing.splitlines() if "=>" in line)
        return sorted(found)

    def library(self, name: str) -> str:
        """Find a library by its name. Raises BuildError."""
        for folder in _LIBRARY_DIRS:
            if (self.path / folder / name).exists():
                return f"{folder}/{name}"
        raise BuildError(f"find the library {name}: the packages do not hold it")

    async def index_modules(self, base: Path, version: str) -> None:
        """Make the indexes that modprobe reads, for the modules below `base`, with the tree's own depmod."""
        await self._load(
            "--argv0", "depmod", self.path / "bin/kmod", "-b", base, version, step="index the kernel modules"
        )

    def _listed(self, line: str) -> str:
        """`libz.so.1 => /tree/lib/x86_64-linux-gnu/libz.so.1 (0x…)`, or `libz.so.1 => not found`."""
        name, _, rest = line.strip().partition(" => ")
        target = Path(rest.rpartition(" (")[0])
        if not target.is_relative_to(self.path):
            raise BuildError(f"find the library {name}: the packages do not hold it")
        return str(target.relative_to(self.path))

    async def _load(self, *argv: str | Path, step: str) -> str:
        """Run a program of the tree by the tree's own loader, with nothing of this machine's."""
        folders = ":".join(str(self.path / folder) for folder in _LIBRARY_DIRS)
        return await run(self.resolve(_LOADER), "--library-path", folders, *argv, step=step)


async def make_tree(
    config: EphemeralConfig, cache_dir: Path, *, refresh: bool, progress: Callable[[str], None]
) -> Tree:
    """Take the tree from the cache, or have mmdebstrap make it (about 30 s); `refresh`: even when there is one.

    Of older trees none is kept. Raises BuildError.
    """
    cache = cache_dir / "ephemeral"
    path = cache / f"tree-{_key(config)}"
    if refresh or not path.is_dir():
        _check_machine()
        progress(f"unpacking Debian {config.suite} packages: {', '.join(packages(config))}")
        aside = cache / f"new-{os.getpid()}"
        try:
            aside.mkdir(parents=True)
            await _unpack(config, aside)
            _replace(aside, path)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    _remove_others(cache, path)
    return Tree(path / "root", tuple((path / "versions").read_text().split()))


def _remove_others(cache: Path, path: Path) -> None:
    """Trees of other packages, and what a builder left that was killed."""
    for pattern in ("tree-*", "new-*", "old-*"):
        for old in cache.glob(pattern):
            if old != path:
                shutil.rmtree(old)


def _check_machine() -> None:
    if platform.machine() != "x86_64":
        raise BuildError("build the ephemeral OS: this machine is no x86-64")
    if os.geteuid() != 0:
        raise BuildError("build the ephemeral OS: mmdebstrap unpacks packages as root: run this as root")


async def _unpack(config: EphemeralConfig, aside: Path) -> None:
    root, versions = aside / "root", aside / "versions"
    await run(
        "mmdebstrap",
        "--variant=extract",  # no package's scripts are run: nothing is needed of them, and it takes half the time
        "--mode=root",
        "--format=directory",
        "--architectures=amd64",
        f"--include={','.join(packages(config))}",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
        f'--extract-hook=ls "$1/var/cache/apt/archives" | grep "\\.deb$" >"{versions}"',
        config.suite,
        root,
        *debian_sources(config),
        step="unpack Debian's packages",
    )
    version = kernel_version(root)
    await Tree(root, ()).index_modules(root, version)


def _replace(aside: Path, path: Path) -> None:
    old = path.with_name(f"old-{os.getpid()}")
    if path.exists():
        path.rename(old)
    aside.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _key(config: EphemeralConfig) -> str:
    """What the tree depends on but for the packages' versions."""
    sources = [source.read_text() if isinstance(source, Path) else source for source in debian_sources(config)]
    text = "\n".join([config.suite, *packages(config), *_LEFT_OUT, *sources])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
