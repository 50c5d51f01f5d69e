"""The builder of the ephemeral OS: a kernel and one small initrd, made of Debian's packages and the agent."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, TextIO

import msgspec

from fibrix.config import EphemeralConfig
from fibrix.ephemeral import content, cpio, recipe
from fibrix.ephemeral.apt_sources import debian_sources
from fibrix.ephemeral.command import run
from fibrix.ephemeral.modules import kernel_version
from fibrix.ephemeral.tree import Tree, make_tree
from fibrix.errors import BuildError, NotFoundError

_CURRENT: Final = "current"
_COMPRESSION: Final = ("-12", "-T0")  # 19 takes ten times as long and saves a twentieth


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """An ephemeral OS: `vmlinuz` and `initrd` are in its folder, and this beside them as `manifest.json`."""

    id: str  # of the content: packages with their versions, agent, builder; the folder's name
    inputs: str  # SHA-256 of all that is known before packages are fetched: while it is the same, nothing is rebuilt
    kernel: str  # version
    packages: tuple[str, ...]  # file names, with versions
    vmlinuz_bytes: int
    initrd_bytes: int
    unpacked_bytes: int  # what the initrd takes of a machine's memory


def latest(boot_dir: Path) -> str:
    """Name the folder of the newest ephemeral OS, below `boot_dir`/ephemeral. Raises NotFoundError: none was built."""
    built = _manifest(boot_dir / "ephemeral" / _CURRENT)
    if built is None:
        raise NotFoundError("there is no ephemeral OS yet; `fibrix ephemeral build` makes it")
    return built.id


async def build(
    config: EphemeralConfig,
    *,
    boot_dir: Path,
    cache_dir: Path,
    progress: Callable[[str], None],
    refresh: bool = False,
) -> Built:
    """Make the ephemeral OS, or find that it is made already (in milliseconds, without asking apt).

    `refresh` fetches the packages anew, for what Debian has mended since. Raises BuildError with the step that failed;
    what was there before then stays as it was.
    """
    base = boot_dir / "ephemeral"
    inputs = _inputs(config)
    async with _alone(base, cache_dir):
        newest = _manifest(base / _CURRENT)
        if newest is not None and newest.inputs == inputs and not refresh:
            progress(f"the ephemeral OS {newest.id} is up to date")
            return newest
        tree = await make_tree(config, cache_dir, refresh=refresh, progress=progress)
        identity = _digest([inputs, *tree.versions])[:16]
        built = _manifest(base / identity) or await _make(tree, base, identity, inputs, progress)
        _point(base, identity)
    return built


@asynccontextmanager
async def _alone(*folders: Path) -> AsyncIterator[None]:
    """Wait until no other builder works on these folders, then keep others out for as long as the block runs."""
    with ExitStack() as stack:
        for folder in folders:
            lock = stack.enter_context(_lock_file(folder))
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


def _lock_file(folder: Path) -> TextIO:
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / ".ephemeral.lock").open("w")


async def _make(tree: Tree, base: Path, identity: str, inputs: str, progress: Callable[[str], None]) -> Built:
    """Write the folder aside and rename it: it is there whole or not at all."""
    try:
        with _aside(base) as aside:
            version = kernel_version(tree.path)
            progress("putting the initrd together")
            unpacked_bytes = await _write_initrd(tree, aside / "initrd", progress)
            await asyncio.to_thread(shutil.copyfile, tree.path / "boot" / f"vmlinuz-{version}", aside / "vmlinuz")
            built = Built(
                id=identity,
                inputs=inputs,
                kernel=version,
                packages=tree.versions,
                vmlinuz_bytes=_size(aside / "vmlinuz"),
                initrd_bytes=_size(aside / "initrd"),
                unpacked_bytes=unpacked_bytes,
            )
            _finish(aside, base / identity, built)
    except OSError as exc:
        raise BuildError(f"write the ephemeral OS to {base}: {exc}") from exc
    progress(f"the ephemeral OS {identity} is made: initrd of {built.initrd_bytes >> 20} MiB")
    return built


@contextmanager
def _aside(base: Path) -> Iterator[Path]:
    """A folder beside the finished ones; what is left of it after the block goes."""
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=base))
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _size(path: Path) -> int:
    return path.stat().st_size


def _finish(aside: Path, path: Path, built: Built) -> None:
    (aside / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(built)))
    aside.chmod(0o755)
    shutil.rmtree(path, ignore_errors=True)  # one without a good manifest
    aside.rename(path)


async def _write_initrd(tree: Tree, initrd: Path, progress: Callable[[str], None]) -> int:
    """Write and compress the archive; says how large it is unpacked, in octets."""
    entries = await content.initrd_entries(tree)
    archive = initrd.with_suffix(".cpio")
    size = await asyncio.to_thread(_write_archive, entries, archive)
    progress(f"compressing {size >> 20} MiB")
    await run("zstd", "-q", *_COMPRESSION, "--rm", archive, "-o", initrd, step="compress the initrd")
    return size


def _write_archive(entries: list[cpio.Entry], path: Path) -> int:
    with path.open("wb") as stream:
        for piece in cpio.archive(entries):
            stream.write(piece)
        return stream.tell()


def _point(base: Path, identity: str) -> None:
    """Make `current` name the folder; the one before is kept, as machines may be booting from it, older ones go."""
    current = base / _CURRENT
    before = current.readlink().name if current.is_symlink() else ""
    aside = base / f".{_CURRENT}-{os.getpid()}"
    aside.unlink(missing_ok=True)
    aside.symlink_to(identity)
    aside.replace(current)
    for path in base.iterdir():
        if path.is_dir() and not path.is_symlink() and path.name not in {identity, before}:
            shutil.rmtree(path)


def _manifest(path: Path) -> Built | None:
    """What a folder says of itself; None when it is not there or not whole."""
    try:
        built = msgspec.json.decode((path / "manifest.json").read_bytes(), type=Built)
        sizes = (path / "vmlinuz").stat().st_size, (path / "initrd").stat().st_size
    except (OSError, msgspec.MsgspecError):
        return None
    return built if sizes == (built.vmlinuz_bytes, built.initrd_bytes) else None


def _inputs(config: EphemeralConfig) -> str:
    sources = [source.read_text() if isinstance(source, Path) else source for source in debian_sources(config)]
    module = Path(__file__).parent
    ours = [module / name for name in ("build.py", "content.py", "cpio.py", "modules.py", "recipe.py", "tree.py")]
    files = [f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in [*ours, *content.agent_files()]]
    return _digest([str(recipe.BUILDER_VERSION), config.suite, *recipe.packages(config), *sources, *files])


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
