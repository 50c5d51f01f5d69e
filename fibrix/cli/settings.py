"""Where the controller is, which key to show, and how to print: what every command gets."""

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fibrix.errors import ClientError

if TYPE_CHECKING:
    from fibrix.cli.profiles import Profile
    from fibrix.runtime.client import BlockingClient, Client

DEFAULT_STATE_DIR: Final = Path("/var/lib/fibrix")
CALL_S: Final = 90.0  # a call may wait for a slow BMC behind the API, which has limits of its own
DEFAULT_URL: Final = "http://127.0.0.1:5240"


class Form(Enum):
    """How to print."""

    PEOPLE = "people"
    JSON = "json"
    JSONL = "jsonl"  # a line of JSON for each item
    QUIET = "quiet"  # ids, one a line, for shell scripts


@dataclass(slots=True)
class Settings:
    """The global options. The client's modules are imported with the first call, so that `--help` is quick."""

    url: str = ""
    key_file: Path | None = None
    key_given: str = ""
    ca_file: str = ""
    state_dir: Path = DEFAULT_STATE_DIR
    profile: str = ""
    form: Form = Form.PEOPLE
    rehearse: bool = False

    @property
    def json(self) -> bool:
        """Whether JSON is to be printed."""
        return self.form in {Form.JSON, Form.JSONL}

    def place(self) -> str:
        """The controller's URL: the one given, else the profile's, else this machine's own by socket or by TCP."""
        socket = self.state_dir / "api.sock"
        if self.url:
            return self.url
        if profile := self._profile():
            return profile.url
        return f"unix:{socket}" if socket.exists() else DEFAULT_URL

    def key(self) -> str:
        """The API key: from --key-file, FIBRIX_KEY, the profile or the state folder; empty where there is none."""
        from fibrix.runtime.api_url import read_key  # noqa: PLC0415 - see above

        if self.key_file is not None:
            return read_key(self.key_file)
        given = self.key_given or os.environ.get("FIBRIX_KEY", "").strip()
        if given:
            return given
        if not self.url and (profile := self._profile()):
            return profile.key
        admin = self.state_dir / "admin.key"
        return read_key(admin) if os.access(admin, os.R_OK) else ""

    def client(self, *, timeout_s: float = CALL_S) -> "BlockingClient":
        """A client for single calls."""
        from fibrix.runtime.client import BlockingClient  # noqa: PLC0415 - see above

        return BlockingClient(
            self.place(), self.key(), ca_file=self._trusted(), rehearse=self.rehearse, timeout_s=timeout_s
        )

    def async_client(self) -> "Client":
        """A client that can follow events."""
        from fibrix.runtime.client import Client  # noqa: PLC0415 - see above

        return Client(self.place(), self.key(), ca_file=self._trusted(), rehearse=self.rehearse)

    def items(self, path: str, **query: object) -> list[Any]:
        """Get a list whole, page by page."""
        client, found, after = self.client(), [], ""
        while True:
            page = client.get(path, **query, after=after)
            found += page["items"]
            after = page.get("next", "")
            if not after:
                return found

    def _trusted(self) -> Path | None:
        profile = None if self.url else self._profile()
        name = self.ca_file or (profile.ca_file if profile else "")
        return Path(name) if name else None

    def _profile(self) -> "Profile | None":
        """The profile that was asked for; else, away from the controller's own machine, the current one."""
        from fibrix.cli import profiles  # noqa: PLC0415 - see above

        if self.profile:
            return profiles.load().get(self.profile)
        if self.state_dir != DEFAULT_STATE_DIR or (self.state_dir / "api.sock").exists():
            return None
        known = profiles.load()
        return known.get(known.current) if known.current else None


pass_settings = click.make_pass_decorator(Settings, ensure=True)

EXIT_FAILED: Final = 1
EXIT_UNREACHABLE: Final = 3
EXIT_UNAUTHORIZED: Final = 4
EXIT_FORBIDDEN: Final = 5
EXIT_NOT_FOUND: Final = 6
EXIT_CONFLICT: Final = 7

_EXITS: Final = {
    0: EXIT_UNREACHABLE,
    401: EXIT_UNAUTHORIZED,
    403: EXIT_FORBIDDEN,
    404: EXIT_NOT_FOUND,
    409: EXIT_CONFLICT,
    412: EXIT_CONFLICT,
}
"""Exit statuses by the API's; docs/cli.md tells them."""


def exit_status(error: Exception) -> int:
    """Choose the exit status for an error."""
    if not isinstance(error, ClientError):
        return EXIT_FAILED
    return _EXITS.get(error.status, EXIT_FAILED)
