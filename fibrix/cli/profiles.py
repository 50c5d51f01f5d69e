"""Profiles: the controllers that somebody logged in to, each with its URL, its API key and what it is trusted by."""

import os
import tomllib
from pathlib import Path
from typing import Final

import msgspec

from fibrix.errors import ClientError

DEFAULT: Final = "default"


class Profile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One controller."""

    url: str
    key: str = ""
    ca_file: str = ""  # certificates that are trusted besides none; empty: the system's


class Profiles(msgspec.Struct, frozen=True, kw_only=True):
    """All that are known, and the one that is used where none is named."""

    current: str = ""
    profiles: dict[str, Profile] = {}

    def get(self, name: str) -> Profile:
        """Find one by name. Raises ClientError."""
        found = self.profiles.get(name)
        if found is None:
            known = ", ".join(sorted(self.profiles)) or "none; `fibrix login URL` makes one"
            raise ClientError(f"there is no profile {name!r}; there are: {known}")
        return found


def path() -> Path:
    """Where they are kept: below XDG_CONFIG_HOME, as the XDG base directory specification says."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "fibrix" / "profiles.toml"


def load() -> Profiles:
    """Read them; none where there is no file. Raises ClientError."""
    file = path()
    try:
        return msgspec.convert(tomllib.loads(file.read_text()), Profiles)
    except FileNotFoundError:
        return Profiles()
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise ClientError(f"cannot read the profiles in {file}: {exc}") from exc


def save(known: Profiles) -> None:
    """Write them, for their owner's eyes only: keys are in them. Raises ClientError."""
    import tomli_w  # noqa: PLC0415 - only for who logs in

    file = path()
    fresh = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(tomli_w.dumps(msgspec.to_builtins(known)))
        fresh.rename(file)
    except OSError as exc:
        raise ClientError(f"cannot write the profiles to {file}: {exc}") from exc
