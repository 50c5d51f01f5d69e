"""The API by TLS: a certificate that is made, one's own, and new ones while it runs."""

import asyncio
import os
import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

from fibrix.api.service import ApiService
from fibrix.api.tls import certificate_of, speaks_tls
from fibrix.config import ApiConfig
from fibrix.errors import ClientError, ConfigError
from fibrix.runtime.certificate import LASTS, make
from fibrix.runtime.client import BlockingClient
from fibrix.runtime.tls import Certificate, Pair
from tests.support.api import free_port, serving
from tests.support.site import key_of, site

EVERYWHERE = IPv4Address("0.0.0.0")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def pair_in(folder: Path) -> Pair:
    return Pair(folder / "tls" / "cert.pem", folder / "tls" / "key.pem")


def read(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.cert.read_bytes())


@pytest.mark.parametrize(
    ("config", "tls"),
    [
        (ApiConfig(), False),
        (ApiConfig(listen=EVERYWHERE), True),
        (ApiConfig(listen=EVERYWHERE, plain_http=True), False),
        (ApiConfig(listen=IPv4Address("10.0.0.1")), True),
        (ApiConfig(tls_cert="c", tls_key="k"), True),
    ],
)
def test_beyond_loopback_there_is_tls_unless_told_otherwise(config: ApiConfig, *, tls: bool) -> None:
    assert speaks_tls(config) is tls
    assert (certificate_of(config, Path("/x"), lambda: NOW) is not None) is tls


async def test_beyond_loopback_it_is_served_by_a_certificate_that_clients_can_trust(tmp_path: Path) -> None:
    async with site(tmp_path) as opened:
        port = free_port()
        service = ApiService(ApiConfig(listen=EVERYWHERE, port=port), tmp_path, opened.ports)
        async with serving(service):
            pair, url = pair_in(tmp_path), f"https://localhost:{port}"
            assert pair.key.stat().st_mode & 0o777 == 0o600
            client = BlockingClient(url, key_of("admin"), ca_file=pair.cert)
            assert (await asyncio.to_thread(client.get, "me"))["name"] == "admin"
            with pytest.raises(ClientError, match="certificate"):
                await asyncio.to_thread(BlockingClient(url, key_of("admin")).get, "me")
            with pytest.raises(ClientError, match="no controller answers"):
                await asyncio.to_thread(BlockingClient(f"http://localhost:{port}", key_of("admin")).get, "me")
            trusting = ssl.create_default_context(cafile=pair.cert)
            async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(ssl=trusting)) as session:
                await opened.ports.users.set_password("operator", "correct horse battery")
                login = {"name": "operator", "password": "correct horse battery"}
                async with session.post("/api/v1/session", json=login) as response:
                    assert "Secure" in response.headers["Set-Cookie"]
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                old.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises(ssl.SSLError):
                await asyncio.open_connection("127.0.0.1", port, ssl=old)


def test_a_made_certificate_names_what_clients_call_the_machine(tmp_path: Path) -> None:
    config = ApiConfig(listen=IPv4Address("10.1.2.3"), tls_names=("fibrix.example.net",))
    certificate = certificate_of(config, tmp_path, lambda: NOW)
    assert certificate is not None
    certificate.load()
    made = read(pair_in(tmp_path))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert IPv4Address("10.1.2.3") in names.get_values_for_type(x509.IPAddress)
    assert {"fibrix.example.net", "localhost"} <= set(names.get_values_for_type(x509.DNSName))
    assert made.not_valid_after_utc == NOW + LASTS


def test_a_made_certificate_is_kept_until_it_nearly_ends_or_lacks_a_name(tmp_path: Path) -> None:
    now = [NOW]
    pair, names = pair_in(tmp_path), ["fibrix.example.net"]
    Certificate(pair, lambda: now[0], names).load()
    first = read(pair)
    now[0] += LASTS - timedelta(days=31)
    Certificate(pair, lambda: now[0], names).load()
    assert read(pair) == first
    now[0] += timedelta(days=2)
    Certificate(pair, lambda: now[0], names).load()
    second = read(pair)
    assert second != first
    Certificate(pair, lambda: now[0], [*names, "10.0.0.9"]).load()
    third = read(pair)
    assert third != second
    pair.key.write_bytes(b"torn")
    Certificate(pair, lambda: now[0], names).load()
    assert read(pair) != third


@pytest.mark.parametrize(
    ("cert", "key", "words"),
    [
        (None, None, "No such file"),
        (b"nonsense", b"nonsense", "PEM"),
        (b"", None, "No such file"),
        (None, b"-----BEGIN ENCRYPTED PRIVATE KEY-----", "No such file"),
    ],
)
def test_a_certificate_that_is_none_is_told_in_words(
    tmp_path: Path, cert: bytes | None, key: bytes | None, words: str
) -> None:
    pair = Pair(tmp_path / "c.pem", tmp_path / "k.pem")
    for path, data in ((pair.cert, cert), (pair.key, key)):
        if data is not None:
            path.write_bytes(data)
    with pytest.raises(ConfigError, match=words):
        Certificate(pair, lambda: NOW).load()


def test_a_key_that_is_locked_or_anothers_is_refused(tmp_path: Path) -> None:
    one, other = pair_in(tmp_path / "one"), pair_in(tmp_path / "other")
    make(one, ["a"], NOW)
    make(other, ["a"], NOW)
    with pytest.raises(ConfigError, match="mismatch"):
        Certificate(Pair(one.cert, other.key), lambda: NOW).load()
    one.key.write_bytes(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    with pytest.raises(ConfigError, match="passphrase"):
        Certificate(one, lambda: NOW).load()


async def test_new_files_are_taken_up_and_faulty_ones_are_not(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    pair = pair_in(tmp_path)
    make(pair, ["localhost"], now)
    certificate = Certificate(pair, lambda: now)
    certificate.load()

    async def shown() -> bytes:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return bytes(found)

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=certificate.context) as server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(certificate.watch(0.02), name="watch")
            first = await shown()
            pair.cert.write_bytes(b"half of a fi")
            os.utime(pair.cert, ns=(time.time_ns(), time.time_ns()))
            await asyncio.sleep(0.1)
            assert await shown() == first
            make(pair, ["localhost"], now)
            async with asyncio.timeout(5):
                while await shown() == first:
                    pass
            watching.cancel()
