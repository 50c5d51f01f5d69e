"""Which kernel modules go into the initrd: the chosen ones and all that they depend on."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from fibrix.ephemeral.recipe import MODULE_DIRS, MODULES, MODULES_LEFT_OUT
from fibrix.errors import BuildError


def kernel_version(tree: Path) -> str:
    """The one kernel that the tree holds. Raises BuildError when it is none or several."""
    versions = sorted(path.name for path in (tree / "lib/modules").glob("*") if path.is_dir())
    if len(versions) != 1:
        raise BuildError(f"find the kernel: the packages hold {len(versions)} kernels ({', '.join(versions)}), not one")
    return versions[0]


def chosen(dependencies: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Choose by the recipe from what there is: paths relative to the modules' folder, sorted.

    Raises BuildError when a module that the recipe names is not there: the kernel is not the right one.
    """
    by_name = {_name(path): path for path in dependencies}
    missing = [name for name in MODULES if name not in by_name]
    if missing:
        raise BuildError(f"choose kernel modules: this kernel has no {', '.join(missing)}")
    wanted = [path for path in dependencies if _is_below(path, MODULE_DIRS) and not _is_below(path, MODULES_LEFT_OUT)]
    return sorted(_closure([*wanted, *(by_name[name] for name in MODULES)], dependencies))


def read_dependencies(text: str) -> dict[str, tuple[str, ...]]:
    """Read modules.dep (modules.dep(5)): `path: path …` a line, each path relative to the modules' folder."""
    lines = (line.partition(":") for line in text.splitlines() if line.strip())
    return {path: tuple(needs.split()) for path, _, needs in lines}


def _name(path: str) -> str:
    """A module's name as the kernel has it: `kernel/fs/ext4/ext4.ko.xz` is `ext4`."""
    return Path(path).name.partition(".")[0].replace("-", "_")


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == f"kernel/{folder}" or path.startswith(f"kernel/{folder}/") for folder in folders)


def _closure(wanted: Iterable[str], dependencies: Mapping[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(dependencies.get(path, ()))
    return found
