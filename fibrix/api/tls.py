"""Whether the API speaks TLS, and by which certificate."""

import re
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from fibrix.config import ApiConfig
from fibrix.runtime.tls import Certificate, Pair

MADE: Final = Path("tls")
"""Folder below the state directory with the certificate that is made where none is given."""

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?")


def speaks_tls(config: ApiConfig) -> bool:
    """Tell whether TCP is TLS: beyond loopback unless the operator wants it plain, on loopback where asked to."""
    return bool(config.tls_cert) or not (config.listen.is_loopback or config.plain_http)


def certificate_of(config: ApiConfig, state_dir: Path, now: Callable[[], datetime]) -> Certificate | None:
    """Give the certificate to serve TCP with, not loaded yet; None: TCP is plain HTTP, or there is no TCP."""
    if not config.port or not speaks_tls(config):
        return None
    if config.tls_cert:
        return Certificate(Pair(state_dir / config.tls_cert, state_dir / config.tls_key), now)
    pair = Pair(state_dir / MADE / "cert.pem", state_dir / MADE / "key.pem")
    return Certificate(pair, now, _names(config))


def _names(config: ApiConfig) -> list[str]:
    """Give the names and addresses that clients know this machine by, as far as can be known."""
    names = [socket.gethostname(), *config.tls_names, "localhost", "127.0.0.1"]
    if not config.listen.is_unspecified:
        names.append(str(config.listen))
    return [name for name in dict.fromkeys(names) if _HOST.fullmatch(name)]
