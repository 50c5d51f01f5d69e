"""Where the controller is, which key to show, and how to print: what every command gets."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fibrix.errors import ClientError

if TYPE_CHECKING:
    from fibrix.runtime.client import BlockingClient, Client

DEFAULT_STATE_DIR: Final = Path("/var/lib/fibrix")
DEFAULT_URL: Final = "http://127.0.0.1:5240"


@dataclass(slots=True)
class Settings:
    """The global options. The client's modules are imported with the first call, so that `--help` is quick."""

    url: str = ""
    key_file: Path | None = None
    state_dir: Path = DEFAULT_STATE_DIR
    json: bool = False

    def place(self) -> str:
        """The controller's URL: the one given, else the unix socket in the state folder, else TCP on this machine."""
        socket = self.state_dir / "api.sock"
        if self.url:
            return self.url
        return f"unix:{socket}" if socket.exists() else DEFAULT_URL

    def key(self) -> str:
        """The API key: from --key-file, FIBRIX_KEY or the state folder; empty where there is none."""
        from fibrix.runtime.api_url import read_key  # noqa: PLC0415 - see above

        if self.key_file is not None:
            return read_key(self.key_file)
        if os.environ.get("FIBRIX_KEY"):
            return os.environ["FIBRIX_KEY"].strip()
        admin = self.state_dir / "admin.key"
        return read_key(admin) if os.access(admin, os.R_OK) else ""

    def client(self) -> "BlockingClient":
        """A client for single calls."""
        from fibrix.runtime.client import BlockingClient  # noqa: PLC0415 - see above

        return BlockingClient(self.place(), self.key())

    def async_client(self) -> "Client":
        """A client that can follow events."""
        from fibrix.runtime.client import Client  # noqa: PLC0415 - see above

        return Client(self.place(), self.key())

    def items(self, path: str, **query: object) -> list[Any]:
        """Get a list whole, page by page."""
        client, found, after = self.client(), [], ""
        while True:
            page = client.get(path, **query, after=after)
            found += page["items"]
            after = page.get("next", "")
            if not after:
                return found


pass_settings = click.make_pass_decorator(Settings, ensure=True)

EXIT_FAILED: Final = 1
EXIT_UNREACHABLE: Final = 3
EXIT_UNAUTHORIZED: Final = 4


def exit_status(error: Exception) -> int:
    """Choose the exit status for an error."""
    if not isinstance(error, ClientError):
        return EXIT_FAILED
    return {0: EXIT_UNREACHABLE, 401: EXIT_UNAUTHORIZED}.get(error.status, EXIT_FAILED)
