"""The certificate that the API is served with: one's own, or one that is made; new files are taken up while it runs."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from fibrix.errors import ConfigError

log = structlog.get_logger()

LOOK_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Where a certificate (with those between it and its authority) and its key are: PEM files."""

    cert: Path
    key: Path

    def stamp(self) -> tuple[int, int]:
        """What is another when one of the files is. Raises OSError."""
        return self.cert.stat().st_mtime_ns, self.key.stat().st_mtime_ns


class Certificate:
    """Keeps an SSL context at the newest files. `names` makes it a certificate of our own, renewed in time."""

    def __init__(self, pair: Pair, now: Callable[[], datetime], names: Sequence[str] = ()) -> None:
        self.context: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._pair = pair
        self._now = now
        self._names = names
        self._stamp: tuple[int, int] | None = None

    def load(self) -> None:
        """Make the certificate where that is due, and load what is there. Raises ConfigError."""
        try:
            if self._names:
                self._renew()
            stamp = self._pair.stamp()
            if stamp == self._stamp:
                return
            _check(self._pair)  # a context that took half of a faulty pair would be of no use
            self.context.load_cert_chain(self._pair.cert, self._pair.key)
        except OSError as exc:  # SSLError is one
            reason = f"{exc.strerror}: {exc.filename}" if exc.filename else str(exc)
            raise ConfigError([f"api.tls_cert {self._pair.cert}, api.tls_key {self._pair.key}: {reason}"]) from exc
        self._stamp = stamp
        log.info("tls.certificate_loaded", file=str(self._pair.cert))

    def _renew(self) -> None:
        """Make the certificate where that is due. Raises OSError."""
        from fibrix.runtime import certificate  # 8 MB: only for who has it made  # noqa: PLC0415

        if certificate.is_due(self._pair, self._names, self._now()):
            certificate.make(self._pair, self._names, self._now())
            log.info("tls.certificate_made", file=str(self._pair.cert), names=list(self._names))

    async def watch(self, every_s: float = LOOK_S) -> None:
        """Look for new files again and again, for ever. As long as they are faulty, those of before are kept."""
        told = ""
        while True:
            await asyncio.sleep(every_s)
            try:
                self.load()
            except ConfigError as exc:
                if str(exc) != told:
                    log.warning("tls.certificate_refused", reason=str(exc))
                told = str(exc)
            else:
                told = ""


def _check(pair: Pair) -> None:
    """Refuse a pair that does not go together, or whose key asks for a passphrase. Raises ConfigError, OSError."""
    if b"ENCRYPTED" in pair.key.read_bytes():
        raise ConfigError([f"api.tls_key {pair.key}: it is locked by a passphrase: give one that is not"])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.cert, pair.key)
