"""Where the builders take Debian from: the sources of this machine's own apt that are Debian's.

No mirror is named in the code: whoever installed the controller has chosen one already. Other vendors' sources are left
out, so that what is built holds Debian's packages alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from fibrix.config import EphemeralConfig
from fibrix.errors import BuildError

_APT_DIR: Final = Path("/etc/apt")
_COMPONENTS: Final = ("main", "contrib", "non-free", "non-free-firmware")
_POCKETS: Final = ("", "-updates", "-security")


@dataclass(frozen=True, slots=True)
class _Source:
    """One source as apt reads it (sources.list(5)), whatever form it is written in."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def debian_sources(config: EphemeralConfig, *, apt_dir: Path = _APT_DIR) -> list[Path | str]:
    """Arguments for mmdebstrap: the configured sources files, or one-line entries of this machine's Debian sources.

    Raises BuildError when no source of the suite is found, and says what to configure.
    """
    if config.apt_sources:
        return list(config.apt_sources)
    entries = dict.fromkeys(
        line for path in _files(apt_dir) for source in _read(path) for line in _lines(source, config.suite)
    )
    if not entries:
        raise BuildError(
            f"find Debian's packages: nothing in {apt_dir} is a source of Debian {config.suite}; "
            "name sources files in the configuration: [ephemeral] apt_sources"
        )
    return list(entries)


def _files(apt_dir: Path) -> list[Path]:
    parts = apt_dir / "sources.list.d"
    single = apt_dir / "sources.list"
    return [*([single] if single.is_file() else []), *sorted([*parts.glob("*.list"), *parts.glob("*.sources")])]


def _read(path: Path) -> Iterator[_Source]:
    try:
        text = path.read_text(errors="replace")
    except OSError as exc:
        raise BuildError(f"find Debian's packages: {path}: {exc.strerror}") from exc
    yield from _stanzas(text) if path.suffix == ".sources" else _one_lines(text)


def _stanzas(text: str) -> Iterator[_Source]:
    """The deb822 form: stanzas of `Key: value` with continuation lines."""
    for stanza in "\n".join(line for line in text.splitlines() if not line.startswith("#")).split("\n\n"):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if not line.startswith((" ", "\t")):
                key, _, line = line.partition(":")  # noqa: PLW2901  # what follows the key is treated as a continuation
            fields[key.lower()] = f"{fields.get(key.lower(), '')} {line.strip()}".strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() not in {"no", "false"}:
            yield _Source(
                tuple(fields.get("uris", "").split()),
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                fields.get("signed-by", ""),
            )


def _one_lines(text: str) -> Iterator[_Source]:
    """The one-line form: `deb [key=value …] URI SUITE COMPONENT…`."""
    for line in text.splitlines():
        words = line.partition("#")[0].replace("[", " [ ").replace("]", " ] ").split()
        if words[:1] != ["deb"]:
            continue
        options: dict[str, str] = {}
        rest = words[1:]
        if rest[:1] == ["["] and "]" in rest:
            end = rest.index("]")
            options = dict(word.partition("=")[::2] for word in rest[1:end])
            rest = rest[end + 1 :]
        if len(rest) > 1:
            yield _Source((rest[0],), (rest[1],), tuple(rest[2:]), options.get("signed-by", ""))


def _lines(source: _Source, suite: str) -> Iterator[str]:
    """The entries of a source that are Debian's own of this suite, for apt in the new tree."""
    components = [word for word in source.components if word in _COMPONENTS]
    wanted = [word for word in source.suites if word.rstrip("/") in {suite + pocket for pocket in _POCKETS}]
    if "main" not in components:
        return
    signed = f"[signed-by={source.signed_by}] " if source.signed_by.startswith("/") else ""
    for uri in source.uris:
        if _is_debian(source.signed_by, uri):
            yield from (f"deb {signed}{uri} {name} {' '.join(components)}" for name in wanted)


def _is_debian(signed_by: str, uri: str) -> bool:
    """Whether Debian's own key signs it; where no key is named, whether the path is that of Debian's archive."""
    if signed_by:
        return PurePosixPath(signed_by).name.startswith("debian-archive-")
    return PurePosixPath(urlsplit(uri).path).name in {"debian", "debian-security"}
