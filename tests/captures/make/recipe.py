"""Recipes: how one case is made, by which programs, and what there is to know of it."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from tests.captures.make.lab import Lab

Play: TypeAlias = Callable[[Lab], None]
Change: TypeAlias = Callable[[Path, Path], None]
"""Makes a capture of another one: that, and where to write."""

KERNEL: Final = "linux"
FIBRIX: Final = "fibrix"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One case."""

    name: str  # as `dhcp4/udhcpc-dnsmasq`
    origin: str  # what happens in it
    packages: tuple[str, ...]  # of Debian, whose programs are heard; `linux`: the kernel itself
    play: Play | None = None
    change: Change | None = None
    of: str = ""  # the case that is changed
    suffix: str = ".pcap"
    fault: str = ""  # what a replay says of the file

    def missing(self) -> list[str]:
        """The packages that are not installed."""
        return [package for package in self.packages if package not in (KERNEL, FIBRIX) and not version(package)]

    def firmware(self) -> str:
        """The programs with their versions."""
        heard = (*(RECIPES[self.of].packages if self.of else ()), *self.packages)
        return ", ".join(f"{package} {version(package)}".strip() for package in dict.fromkeys(heard))


RECIPES: Final[dict[str, Recipe]] = {}


def case(name: str, *packages: str) -> Callable[[Play], Play]:
    """Make a recipe of a function; its docstring says what happens."""

    def add(play: Play) -> Play:
        recipe(name, " ".join((play.__doc__ or "").split()), packages, play)
        return play

    return add


def changed(name: str, of: str, *packages: str, suffix: str = ".pcap", fault: str = "") -> Callable[[Change], Change]:
    """Make a recipe of a function that changes the capture of another case; its docstring says how."""

    def add(change: Change) -> Change:
        origin = f"{' '.join((change.__doc__ or '').split())} Made of the case {of}."
        _enter(Recipe(name, origin, packages, change=change, of=of, suffix=suffix, fault=fault))
        return change

    return add


def recipe(name: str, origin: str, packages: tuple[str, ...], play: Play) -> None:
    """Enter a recipe under its name."""
    _enter(Recipe(name, origin, packages, play))


def _enter(new: Recipe) -> None:
    if new.name in RECIPES:
        raise ValueError(f"two recipes for {new.name}")
    RECIPES[new.name] = new


def version(package: str) -> str:
    """The version of a package; empty: it is not installed."""
    if package == FIBRIX:
        return ""
    if package == KERNEL:
        return ".".join(os.uname().release.split(".")[:2])
    asked = ("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package)
    status, _, number = subprocess.run(asked, check=False, capture_output=True, text=True).stdout.partition(" ")
    return number if status == "installed" else ""
