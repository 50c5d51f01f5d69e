"""What is in the initrd: the agent, Debian's programs with their libraries, kernel modules, firmware."""

import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from fibrix.ephemeral.command import run
from fibrix.ephemeral.cpio import Entry, character_device, file, folder, link
from fibrix.ephemeral.modules import chosen, kernel_version, read_dependencies
from fibrix.ephemeral.recipe import AGENT_DIR, LIBRARIES, PROGRAMS
from fibrix.ephemeral.tree import Tree

_FOLDERS: Final = (
    "dev",
    "etc",
    "mnt",
    "proc",
    "root",
    "run",
    "sys",
    "sys/fs",
    "sys/fs/cgroup",
    "tmp",
    "var",
    "var/lib",
)
_KMOD_NAMES: Final = ("depmod", "insmod", "lsmod", "modinfo", "modprobe", "rmmod")
_INDEXES: Final = ("modules.alias.bin", "modules.dep.bin", "modules.builtin.bin", "modules.builtin.alias.bin")
_INDEXES_TOO: Final = ("modules.softdep", "modules.symbols.bin", "modules.devname", "modules.order")
_ETC: Final = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": b"root:x:0:\n",
    "etc/hosts": b"127.0.0.1 localhost\n",
    "etc/nsswitch.conf": b"hosts: files dns\n",
}


async def initrd_entries(tree: Tree) -> list[Entry]:
    """All entries of the initrd, folders before what is in them, in the order of their names. Raises BuildError."""
    entries = [
        character_device("dev/console", 5, 1),  # the first process has its output there before /dev is mounted
        *(file(name, data) for name, data in _ETC.items()),
        *_agent(),
        *(_copied(tree, name) for name in [*PROGRAMS, *await tree.libraries(PROGRAMS)]),
        *(_copied(tree, tree.library(name)) for name in LIBRARIES),
        *(link(f"sbin/{name}", "/bin/kmod") for name in _KMOD_NAMES),
        *await _modules(tree),
        *_firmware(tree.path),
    ]
    entries += await _applets(tree, {PurePosixPath(entry.name).name for entry in entries})
    unique = {entry.name: entry for entry in entries}
    folders = {str(parent) for name in unique for parent in PurePosixPath(name).parents} | set(_FOLDERS)
    unique.update({name: folder(name) for name in folders - {"."}})
    return [unique[name] for name in sorted(unique)]


def agent_files() -> list[Path]:
    """The agent's files, sorted: what the content id depends on beside the packages."""
    return sorted(path for path in AGENT_DIR.iterdir() if path.is_file())


def _agent() -> Iterator[Entry]:
    for path in agent_files():
        yield file("init" if path.name == "init" else f"fibrix/{path.name}", path, 0o755)


def _copied(tree: Tree, name: str) -> Entry:
    """A file of the tree under its own name; a link is followed."""
    path = tree.resolve(name)
    return file(name, path, stat.S_IMODE(path.stat().st_mode) & 0o755)


async def _applets(tree: Tree, taken: set[str]) -> list[Entry]:
    """Links for the programs that busybox is, where no program of its own has that name."""
    names = (await run(tree.path / "bin/busybox", "--list", step="list busybox's programs")).split()
    return [link(f"bin/{name}", "/bin/busybox") for name in names if name not in taken]


async def _modules(tree: Tree) -> list[Entry]:
    """The chosen modules with indexes of their own: the tree's would name modules that are not there."""
    version = kernel_version(tree.path)
    source = tree.path / "lib/modules" / version
    paths = chosen(read_dependencies((source / "modules.dep").read_text()))
    with tempfile.TemporaryDirectory(prefix="fibrix-modules-") as scratch:
        target = Path(scratch) / "lib/modules" / version
        for path in [*paths, "modules.builtin", "modules.builtin.modinfo", "modules.order"]:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).symlink_to(source / path)
        await tree.index_modules(Path(scratch), version)
        indexes = {
            name: (target / name).read_bytes() for name in (*_INDEXES, *_INDEXES_TOO) if (target / name).exists()
        }
    base = f"lib/modules/{version}"
    return [
        *(file(f"{base}/{path}", source / path) for path in paths),
        *(file(f"{base}/{name}", data) for name, data in indexes.items()),
    ]


def _firmware(root: Path) -> Iterable[Entry]:
    """All firmware of the packages that the configuration names; the kernel's own package has none."""
    base = root / "lib/firmware"
    for path in sorted(base.rglob("*")):
        if path.is_symlink():
            yield link(str(path.relative_to(root)), str(path.readlink()))
        elif path.is_file():
            yield file(str(path.relative_to(root)), path)
