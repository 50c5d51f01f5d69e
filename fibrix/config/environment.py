"""Environment variables that override keys of the file: `FIBRIX_STATE_DIR`, `FIBRIX_API_PORT` and so on."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final, get_origin

import msgspec

from fibrix.config.reader import FromEnvironment, suggestion
from fibrix.config.sections import Config

PREFIX: Final = "FIBRIX_"

CLIENTS: Final = frozenset({"FIBRIX_CONFIG", "FIBRIX_URL", "FIBRIX_KEY", "FIBRIX_KEY_FILE", "FIBRIX_JSON"})
"""Variables that are meant for the command line, not for the configuration."""


def variables() -> dict[str, tuple[str, ...]]:
    """Name every variable and the path of its key. Lists of tables and tables of tables are for the file alone."""
    found: dict[str, tuple[str, ...]] = {}
    for field in msgspec.structs.fields(Config):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            for inner in msgspec.structs.fields(field.type):
                found[f"{PREFIX}{field.name}_{inner.name}".upper()] = (field.name, inner.name)
        elif get_origin(field.type) is None:
            found[f"{PREFIX}{field.name}".upper()] = (field.name,)
    return found


def override(table: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Put the variables' values into a table; the faults are variables that mean nothing and look as if they did."""
    known = variables()
    faults: list[str] = []
    for name in sorted(name for name in environ if name.startswith(PREFIX) and name not in CLIENTS):
        if name in known:
            _put(table, known[name], FromEnvironment(name, environ[name]))
        elif _looks_meant(name, known):
            faults.append(f"{name}: there is no such setting{suggestion(name, known)}")
    return faults


def _put(table: dict[str, Any], path: tuple[str, ...], value: FromEnvironment) -> None:
    """Set a key, making its section where there is none. A section that is no table is the reader's to tell."""
    *sections, key = path
    target: Any = table
    for section in sections:
        target = target.setdefault(section, {})
    if isinstance(target, dict):
        target[key] = value


def _looks_meant(name: str, known: Mapping[str, object]) -> bool:
    """Tell whether a variable was probably meant to configure something: it names a section, or nearly a key."""
    section = name.removeprefix(PREFIX).partition("_")[0].lower()
    return section in Config.__struct_fields__ or bool(get_close_matches(name, known, n=1, cutoff=0.85))
