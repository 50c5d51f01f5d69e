"""What the sender reaches, and what it makes of what comes back."""

import asyncio
import datetime as dt
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fibrix.config import WebhooksConfig
from fibrix.domain.ports.webhooks import Post
from fibrix.domain.webhook import Outcome
from fibrix.drivers.webhooks.resolver import Lookups
from fibrix.drivers.webhooks.sender import UNREACHABLE, HttpSender
from fibrix.types import TenantId, WebhookId
from tests.support.receiver import Receiver

ACME = TenantId("t000000001")
OPEN = WebhooksConfig(allow=("127.0.0.0/8",), timeout_s=0.5)
SHUT = WebhooksConfig(timeout_s=0.5)


class Names(Lookups):
    """A name server that says what it is told to, one answer after the other; the last one for ever."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked = 0

    async def addresses(self, host: str, port: int) -> list[Any]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in answer
        ]


async def sent(sender: HttpSender, url: str, tenant: str = "") -> Outcome:
    async with sender:
        return await sender.send(
            Post(webhook=WebhookId("w1"), url=url, headers={}, body=b"{}", tenant=TenantId(tenant))
        )


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_loopback_is_refused_however_it_is_written(host: str, scheme: str) -> None:
    async with Receiver().listening() as receiver:
        for tenant in ("", ACME):
            outcome = await sent(HttpSender(SHUT), f"{scheme}://{host}:{receiver.port}/", tenant)
            assert outcome.status == 0
            assert not outcome.delivered
        assert receiver.deliveries == []


async def test_an_allowed_network_is_reached_by_name_and_by_number() -> None:
    async with Receiver().listening() as receiver:
        for host in ("127.0.0.1", "localhost"):
            assert (await sent(HttpSender(OPEN), f"http://{host}:{receiver.port}/")).delivered
        assert [d.headers["host"] for d in receiver.deliveries] == [
            f"{h}:{receiver.port}" for h in ("127.0.0.1", "localhost")
        ]


async def test_what_is_allowed_to_the_region_is_not_allowed_to_tenants_who_learn_nothing_of_it() -> None:
    closed = await sent(HttpSender(OPEN), "http://127.0.0.1:1/", ACME)
    async with Receiver().listening() as receiver:
        for host in ("127.0.0.1", "localhost"):
            outcome = await sent(HttpSender(OPEN), f"http://{host}:{receiver.port}/", ACME)
            assert (outcome.status, outcome.error) == (0, UNREACHABLE)
        unknown = await sent(HttpSender(OPEN, look_up=lambda: Names(())), f"http://no.such.name:{receiver.port}/", ACME)
        assert (unknown.error, closed.error) == (UNREACHABLE, UNREACHABLE)
        assert receiver.deliveries == []


async def test_a_name_that_is_bound_anew_to_an_inner_address_is_refused() -> None:
    async with Receiver().listening() as receiver:
        names = Names(("127.0.0.1",), ("127.0.0.2",), ("10.0.0.1",), ("::ffff:127.0.0.1",), ("169.254.169.254",))
        config = WebhooksConfig(allow=("127.0.0.1/32",), timeout_s=0.5)
        sender = HttpSender(config, look_up=lambda: names)
        url = f"http://receiver.example:{receiver.port}/"
        assert (await sent(sender, url)).delivered
        for _ in range(4):
            outcome = await sent(sender, url)  # each time a new connection
            assert "may be delivered to" in outcome.error
        assert names.asked == 5  # once per connection: what was checked is what is connected to
        assert len(receiver.deliveries) == 1


async def test_of_several_addresses_only_those_that_are_permitted_are_tried() -> None:
    async with Receiver().listening() as receiver:
        config = WebhooksConfig(allow=("127.0.0.3/32",), timeout_s=0.5)
        mixed = HttpSender(config, look_up=lambda: Names(("127.0.0.1", "10.0.0.1", "127.0.0.3")))
        outcome = await sent(mixed, f"http://receiver.example:{receiver.port}/")
        assert "could not be reached" in outcome.error  # nobody listens on 127.0.0.3
        assert receiver.deliveries == []


async def test_plain_http_to_the_public_internet_is_refused() -> None:
    sender = HttpSender(OPEN, look_up=lambda: Names(("8.8.8.8",)))
    assert "no plain http" in (await sent(sender, "http://receiver.example/")).error
    assert "no plain http" in (await sent(sender, "http://8.8.8.8/")).error


@pytest.mark.parametrize(
    ("said", "status", "word"),
    [
        ("200", 200, ""),
        ("204", 204, ""),
        ("299", 299, ""),
        ("redirect", 307, "redirects are not followed"),
        ("404", 404, "it answered 404: what it says"),
        ("410", 410, "410"),
        ("huge", 500, "it answered 500: xxx"),
        ("hang", 0, "did not answer within 0.5 s"),
        ("trickle", 0, "did not answer within 0.5 s"),
        ("reset", 0, "broke the connection off"),
        ("garbage", 0, "not HTTP"),
    ],
)
async def test_every_answer_has_its_words(said: str, status: int, word: str) -> None:
    async with Receiver(lambda _: said).listening() as receiver:
        outcome = await sent(HttpSender(OPEN), receiver.url)
    assert (outcome.status, outcome.delivered) == (status, not word)
    assert word in outcome.error
    assert len(outcome.error) < 260
    assert outcome.error.isprintable()


async def test_retry_after_in_seconds_is_heard() -> None:
    async with Receiver(lambda _: "503 Retry-After: 17").listening() as receiver:
        assert (await sent(HttpSender(OPEN), receiver.url)).retry_after_s == 17
    async with Receiver(lambda _: "503 Retry-After: 99999999999999999").listening() as receiver:
        assert (await sent(HttpSender(OPEN), receiver.url)).retry_after_s == 0


async def test_connections_are_used_again() -> None:
    async with Receiver().listening() as receiver, HttpSender(OPEN) as sender:
        for _ in range(5):
            assert (await sent(sender, receiver.url)).delivered
        (pool,) = [s.connector._conns for s in sender._sessions.values() if s.connector and s.connector._conns]
        assert len(pool) == 1


async def test_a_name_server_that_does_not_answer_delays_nobody_else() -> None:
    class Slow(Names):
        async def addresses(self, host: str, port: int) -> list[Any]:
            if host == "slow.example":
                await asyncio.sleep(30)
            return await super().addresses(host, port)

    async with Receiver().listening() as receiver, HttpSender(OPEN, look_up=lambda: Slow(("127.0.0.1",))) as sender:
        async with asyncio.TaskGroup() as group:
            late = group.create_task(sent(sender, f"http://slow.example:{receiver.port}/"))
            prompt = await sent(sender, f"http://quick.example:{receiver.port}/")
            assert prompt.delivered
            assert not late.done()
        assert "within 0.5 s" in late.result().error


def certificate(folder: Path, name: str) -> Path:
    """A certificate with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "receiver.pem"
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


async def test_tls_is_checked_against_the_name_and_not_the_address(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "receiver.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    trusting = ssl.create_default_context(cafile=pem)
    names = Names(("127.0.0.1",))
    async with Receiver(tls=server).listening() as receiver:
        good, wrong = (f"https://{name}.example:{receiver.port}/" for name in ("receiver", "other"))
        assert (await sent(HttpSender(OPEN, trusting, lambda: names), good)).delivered
        assert "no TLS connection" in (await sent(HttpSender(OPEN, trusting, lambda: names), wrong)).error
        assert "no TLS connection" in (await sent(HttpSender(OPEN, None, lambda: names), good)).error
        assert len(receiver.deliveries) == 1
