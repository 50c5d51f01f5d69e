"""The machine scripts: folders that are read and checked once, at start."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec
import structlog

from fibrix.domain.ports.scripts import ScriptInfo
from fibrix.errors import InvalidError, NotFoundError

BUILTIN_DIR: Final = Path(__file__).parent / "scripts"
"""The scripts that come with Fibrix."""

RESERVED: Final = frozenset({"url", "secret", "result", "state", "mac", "log"})
"""Names that no parameter may have: the agent's own variables, as FIBRIX_URL, are called so."""

_SCRIPT_BYTES: Final = 1 << 20
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_PARAMETER_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")

log = structlog.get_logger()


class Parameter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[parameters.NAME] of a script.toml: a text that reaches the script as FIBRIX_NAME."""

    description: str
    pattern: str  # a regular expression that the whole value must match
    default: str | None = None  # none: it must be given


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A script.toml."""

    title: str
    kind: Literal["inventory", "test", "deploy", "release"]
    hardware: Literal["any", "memory", "disk", "node"] = "any"
    timeout_s: int
    destructive: bool = False  # it may change what is on the disks
    default: bool = False  # it runs in its state without being named
    parameters: dict[str, Parameter] = {}


@dataclass(frozen=True, slots=True)
class Script:
    """A machine script that was found good."""

    name: str
    manifest: Manifest
    text: bytes
    sha256: str

    @property
    def info(self) -> ScriptInfo:
        """What the region needs to know of it."""
        return ScriptInfo(
            name=self.name,
            title=self.manifest.title,
            kind=self.manifest.kind,
            timeout_s=self.manifest.timeout_s,
            destructive=self.manifest.destructive,
            default=self.manifest.default,
            sha256=self.sha256,
        )


class Catalog:
    """All good machine scripts, and why the others are not among them."""

    def __init__(self, scripts: Iterable[Script], refused: Mapping[Path, str]) -> None:
        self._scripts = {script.name: script for script in sorted(scripts, key=lambda script: script.name)}
        self.refused = dict(refused)  # folder → reason

    def __iter__(self) -> Iterator[Script]:
        """All scripts in the order of their names."""
        return iter(self._scripts.values())

    def all(self) -> list[ScriptInfo]:
        """Describe all of them, in the order of their names."""
        return [script.info for script in self]

    def get(self, name: str) -> Script:
        """Find one. Raises NotFoundError."""
        script = self._scripts.get(name)
        if script is None:
            raise NotFoundError(f"there is no machine script {name!r}; there are: {', '.join(self._scripts)}")
        return script

    def info(self, name: str) -> ScriptInfo:
        """Describe one. Raises NotFoundError."""
        return self.get(name).info

    def defaults(self, kind: str) -> tuple[str, ...]:
        """Name those of a kind that run without being named, in the order in which they run."""
        return tuple(
            script.name for script in self._scripts.values() if script.manifest.kind == kind and script.manifest.default
        )

    def text(self, name: str) -> bytes:
        """Give the executable itself. Raises NotFoundError."""
        return self.get(name).text

    def parameters(self, name: str, given: Mapping[str, str]) -> dict[str, str]:
        """Fill in the defaults. Raises NotFoundError; InvalidError for an unknown, missing or unfitting parameter."""
        known = self.get(name).manifest.parameters
        for parameter in given.keys() - known.keys():
            raise InvalidError(
                f"{name} has no parameter {parameter!r}; it has: {', '.join(known) or 'none'}",
                pointer=f"/parameters/{name}/{parameter}",
            )
        return {parameter: _value(name, parameter, rule, given) for parameter, rule in known.items()}


def load(folders: Iterable[Path]) -> Catalog:
    """Read all scripts of these folders, the first of a name being the good one; a folder that is missing has none.

    A script's folder that is no good is left out, logged, and told in `refused`.
    """
    scripts: dict[str, Script] = {}
    refused: dict[Path, str] = {}
    for path in (path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()) if path.is_dir()):
        try:
            scripts[path.name] = _read(path, taken=path.name in scripts)
        except InvalidError as exc:
            refused[path] = str(exc)
            log.warning("script.refused", folder=str(path), reason=str(exc))
    return Catalog(scripts.values(), refused)


def _read(path: Path, *, taken: bool) -> Script:
    """One folder. Raises InvalidError with the reason why it is no good."""
    if taken:
        raise InvalidError("there is a script of that name already")
    if not _NAME.fullmatch(path.name):
        raise InvalidError("its name must be of small letters, digits and hyphens, a letter first")
    try:
        manifest = msgspec.toml.decode((path / "script.toml").read_bytes(), type=Manifest)
        text = (path / "run.sh").read_bytes()
    except OSError as exc:
        raise InvalidError(f"{exc.filename}: {exc.strerror}") from exc
    except msgspec.MsgspecError as exc:
        raise InvalidError(f"script.toml: {exc}") from exc
    _check_manifest(manifest)
    if not text.startswith(b"#!") or len(text) > _SCRIPT_BYTES:
        raise InvalidError("run.sh must begin with #! and have at most 1 MiB")
    return Script(path.name, manifest, text, hashlib.sha256(text).hexdigest())


def _check_manifest(manifest: Manifest) -> None:
    if not 0 < manifest.timeout_s <= 7 * 86400:
        raise InvalidError("script.toml: timeout_s must be between 1 and 604800")
    if manifest.destructive and manifest.default and manifest.kind in {"inventory", "test"}:
        raise InvalidError("script.toml: a destructive script of this kind cannot run by default")
    for name, parameter in manifest.parameters.items():
        if not _PARAMETER_NAME.fullmatch(name) or name in RESERVED:
            raise InvalidError(f"script.toml: a parameter cannot be called {name!r}")
        try:
            pattern = re.compile(parameter.pattern)
        except re.error as exc:
            raise InvalidError(f"script.toml: pattern of {name}: {exc}") from exc
        if parameter.default is not None and not pattern.fullmatch(parameter.default):
            raise InvalidError(f"script.toml: default of {name} does not match its pattern")


def _value(script: str, name: str, rule: Parameter, given: Mapping[str, str]) -> str:
    value = given.get(name, rule.default)
    pointer = f"/parameters/{script}/{name}"
    if value is None:
        raise InvalidError(f"{script} needs its parameter {name}: {rule.description}", pointer=pointer)
    if not re.fullmatch(rule.pattern, value):
        raise InvalidError(
            f"{script}: {value!r} is not good for {name} ({rule.description}); it must match {rule.pattern}",
            pointer=pointer,
        )
    return value
