"""A certificate of our own, which is its own authority."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fibrix.runtime import whole
from fibrix.runtime.tls import Pair

LASTS: Final = timedelta(days=825)
"""What browsers take at most from a certificate that they were told to trust."""
RENEWED_BEFORE: Final = timedelta(days=30)

_COMMON_NAME_CHARACTERS: Final = 64  # X.520's limit


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


def is_due(pair: Pair, names: Sequence[str], now: datetime) -> bool:
    """Tell whether a certificate must be made: there is none, it ends soon, or lacks a name. Raises OSError."""
    try:
        found = x509.load_pem_x509_certificate(pair.cert.read_bytes())
        key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
        has = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):
        return True
    lacking = any(_general(name) not in list(has) for name in names)
    return found.public_key() != key.public_key() or lacking or now > found.not_valid_after_utc - RENEWED_BEFORE


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
