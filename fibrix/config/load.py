"""From a file and the environment to a checked configuration."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fibrix.config.check import conflicts
from fibrix.config.environment import override
from fibrix.config.reader import Reader
from fibrix.config.sections import Config
from fibrix.errors import ConfigError


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read a TOML file, let `FIBRIX_SECTION_KEY` variables override it, check it whole.

    Raises ConfigError with every fault: those of the values, and those of the values among one another.
    """
    try:
        with path.open("rb") as file:
            table: dict[str, Any] = tomllib.load(file)
    except OSError as exc:
        raise ConfigError([f"cannot read {path}: {exc.strerror}"]) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError([f"{path} is not TOML: {exc}"]) from exc
    return parse(table, environ)


def parse(table: dict[str, Any], environ: Mapping[str, str]) -> Config:
    """Do what `load` does, from a table that is read already."""
    reader = Reader()
    reader.faults += override(table, environ)
    values = reader.fields(Config, table, "")
    reader.faults += conflicts(values, reader.unsound)
    if reader.faults:
        raise ConfigError(reader.faults)
    return Config(**values)
