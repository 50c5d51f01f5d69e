"""The certificate that the API is served with: one's own, or one that is made; new files are taken up while it runs."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fibrix.errors import ConfigError
from fibrix.runtime import whole

log = structlog.get_logger()

LASTS: Final = timedelta(days=825)
"""What browsers take at most from a certificate that they were told to trust."""
RENEWED_BEFORE: Final = timedelta(days=30)
LOOK_S: Final = 10.0

_COMMON_NAME_CHARACTERS: Final = 64  # X.520's limit


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
            if self._names and _is_due(self._pair, self._names, self._now()):
                make(self._pair, self._names, self._now())
                log.info("tls.certificate_made", file=str(self._pair.cert), names=list(self._names))
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


def make(pair: Pair, names: Sequence[str], now: datetime) -> None:
    """Make a key and a certificate that is its own authority, for host names and addresses. Raises OSError."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:_COMMON_NAME_CHARACTERS])])
    public = key.public_key()
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks of clients that are a little slow
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=False, decipher_only=False, **usage),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pair.cert.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    whole.put(pair.key, plain, mode=0o600)
    whole.put(pair.cert, made.public_bytes(pem), mode=0o644)


def _is_due(pair: Pair, names: Sequence[str], now: datetime) -> bool:
    """Tell whether a certificate must be made: there is none, it ends soon, or lacks a name. Raises OSError."""
    try:
        found = x509.load_pem_x509_certificate(pair.cert.read_bytes())
        key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
        has = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):
        return True
    lacking = any(_general(name) not in list(has) for name in names)
    return found.public_key() != key.public_key() or lacking or now > found.not_valid_after_utc - RENEWED_BEFORE


def _check(pair: Pair) -> None:
    """Refuse a pair that does not go together, or whose key asks for a passphrase. Raises ConfigError, OSError."""
    if b"ENCRYPTED" in pair.key.read_bytes():
        raise ConfigError([f"api.tls_key {pair.key}: it is locked by a passphrase: give one that is not"])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.cert, pair.key)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
