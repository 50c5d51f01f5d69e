"""Where the API is and how a request to it is written: what clients of every kind share."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from fibrix.errors import ClientError


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Open the socket that the path names."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def connect(url: str, timeout_s: float, ca_file: Path | None = None) -> http.client.HTTPConnection:
    """Choose the kind of connection; it opens with the first request. Raises ClientError for an impossible URL.

    `ca_file` holds the certificates that are trusted, as that of a controller which made its own; None: the system's.
    """
    if url.startswith("unix:"):
        return UnixConnection(url.removeprefix("unix:"), timeout_s)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise ClientError(f"{url!r} is not a URL: {exc}") from exc
    if not host or parts.scheme not in {"http", "https"}:
        raise ClientError(f"{url!r} is not a URL of the API: write http://host:5240 or unix:/path/of/api.sock")
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=trusting(ca_file))
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the certificates in a file, or the system's. Raises ClientError."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as exc:
        raise ClientError(f"cannot read the certificates that are to be trusted: {ca_file}: {exc}") from exc


def read_key(path: Path) -> str:
    """Read an API key from a file. Raises ClientError."""
    try:
        return path.read_text().strip()
    except OSError as exc:
        raise ClientError(f"cannot read the API key: {path}: {exc.strerror}", status=401) from exc


def authorization(key: str) -> dict[str, str]:
    """Give the header that shows a key (RFC 6750 §2.1); none for an empty key."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def target(path: str, query: Mapping[str, object]) -> str:
    """Make a request target (RFC 9112 §3.2.1); empty and None values are left out of the query.

    A path that starts with a slash is taken as it is; any other is below `/api/v1/`.
    """
    whole = path if path.startswith("/") else f"/api/v1/{path}"
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return quote(whole, safe="/:") + (f"?{urlencode(given)}" if given else "")


def unreachable(url: str, exc: Exception) -> ClientError:
    """Say that nobody answered, and what to look at."""
    reason = str(exc) or type(exc).__name__
    return ClientError(f"no controller answers at {url}: {reason} (is `fibrix serve` running?)")
