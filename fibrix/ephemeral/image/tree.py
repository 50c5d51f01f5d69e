"""The root file system: Debian's packages in a folder, and our files laid over them."""

import shutil
from pathlib import Path
from typing import Final

from fibrix.ephemeral.command import run
from fibrix.ephemeral.image.recipe import FILES, Recipe

_SERVICES: Final = (
    ("enable", ("systemd-networkd.service", "systemd-resolved.service")),
    ("disable", ("e2scrub_reap.service", "e2scrub_all.timer")),  # for LVM, which is not used
    # Each stage of cloud-init is a Python start: a second on an old server, ten in an emulator. The local stage looks
    # for data on the machine itself, where there is none; the modules of the config stage are run in the final one.
    ("mask", ("cloud-init-local.service", "cloud-config.service")),
)

# What exists once per machine is made by the machine; what mmdebstrap set up for building does not stay.
_REMOVED: Final = (
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "etc/hostname",
    "etc/ssh/ssh_host_*",
    "var/cache/apt/*.bin",
    "var/lib/apt/lists/*",
    "var/lib/systemd/random-seed",
    "var/log/*.log",
    "var/log/apt/*",
)


async def make_tree(recipe: Recipe, tree: Path, debs: Path) -> dict[str, str]:
    """Install the recipe's packages into `tree` and finish it. Gives package → version. Raises BuildError.

    Packages once downloaded stay in the folder `debs`. Needs root: the files belong to whom they will belong to.
    """
    await run(*_mmdebstrap(recipe, tree, debs), step="install Debian's packages")
    _finish(tree)
    for verb, units in _SERVICES:
        await run("chroot", tree, "systemctl", "--quiet", verb, *units, step=f"{verb} the image's services")
    await run("chroot", tree, "passwd", "--quiet", "--lock", "root", step="lock root's password")
    listing = await run(
        "dpkg-query",
        f"--admindir={tree}/var/lib/dpkg",
        "--show",
        "--showformat=${Package} ${Version}\n",
        step="list the packages",
    )
    return dict(line.split(" ", 1) for line in listing.splitlines())


def _mmdebstrap(recipe: Recipe, tree: Path, debs: Path) -> list[str | Path]:
    """The command line; the hooks bring downloaded packages in and out (mmdebstrap(1), "sync-in")."""
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(recipe.packages)}",
        "--aptopt=APT::Install-Recommends false",
        "--aptopt=Acquire::Languages none",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.left_out),
        *(f"--dpkgopt=path-include={pattern}" for pattern in recipe.kept),
        "--skip=download/empty",
        "--skip=essential/unlink",
        '--setup-hook=mkdir -p "$1/var/cache/apt/archives"',
        f"--setup-hook=sync-in {debs} /var/cache/apt/archives",
        '--customize-hook=chroot "$1" apt-get --quiet --quiet autoclean',  # versions that are no longer offered
        f"--customize-hook=sync-out /var/cache/apt/archives {debs}",
        recipe.suite,
        tree,
        *recipe.sources,
    ]


def _finish(tree: Path) -> None:
    """Take out what is not to be shipped, lay our files over, and leave the machine's identity open."""
    for pattern in _REMOVED:
        for path in tree.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for source in sorted(p for p in FILES.rglob("*") if p.is_file()):
        target = tree / source.relative_to(FILES)
        for folder in reversed(target.relative_to(tree).parents):
            (tree / folder).mkdir(mode=0o755, exist_ok=True)
        target.write_bytes(source.read_bytes())
        target.chmod(0o644)
    (tree / "etc/machine-id").write_text("")  # empty: systemd makes one at each machine's first boot (machine-id(5))
    (tree / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
