"""Delivers by HTTP: one POST, no redirect followed, no address that may not be reached, in a time that is limited."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from msgspec.structs import replace

from fibrix.config import WebhooksConfig
from fibrix.domain.access import REGION
from fibrix.domain.ports.webhooks import Post
from fibrix.domain.webhook import Outcome
from fibrix.domain.webhook_target import Reach, literal_of
from fibrix.drivers.webhooks.resolver import GuardedResolver, Lookups, RefusedAddressError
from fibrix.drivers.webhooks.slots import Slots
from fibrix.runtime.clock import monotonic_s

BODY_BYTES: Final = 4096
"""So much of an answer is read; of a longer one the connection is closed."""
REST_S: Final = 1.0
"""So long the rest of a good answer is waited for, to use the connection again: it is a success already."""
TOLD_CHARACTERS: Final = 200
"""So much of a refusal is kept."""
HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "application/cloudevents+json; charset=utf-8",
    "User-Agent": "Fibrix-Webhooks",
}
UNREACHABLE: Final = "the receiver could not be reached"
"""All that a tenant is told of what keeps a connection from being made: they must not map the network by it."""
_RETRY_AFTER_DIGITS: Final = 6


class HttpSender:
    """Fits `domain.ports.webhooks.Sender`. The region's webhooks and tenants' have each a reach of their own."""

    def __init__(
        self, config: WebhooksConfig, tls: ssl.SSLContext | None = None, look_up: Callable[[], Lookups] = Lookups
    ) -> None:
        self._reaches = {False: Reach.of(config.allow), True: Reach.of(config.tenant_allow)}
        self._timeout_s = config.timeout_s
        self._rest_s = min(REST_S, config.timeout_s / 4)
        self._slots = Slots(config.at_once)
        self._tls: ssl.SSLContext | bool = tls or True
        self._look_up = look_up
        self._opened = 0
        self._sessions: dict[tuple[bool, bool], aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        """Open it, the first time its connections too."""
        if self._opened == 0:
            lookups = self._look_up()
            self._sessions = {
                (tenants, plain): self._session(GuardedResolver(lookups, reach, plain=plain))
                for tenants, reach in self._reaches.items()
                for plain in (False, True)
            }
        self._opened += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self._opened -= 1
        if self._opened == 0:
            sessions, self._sessions = self._sessions, {}
            for session in sessions.values():
                await session.close()

    async def send(self, post: Post) -> Outcome:
        """Make one attempt, once there is a turn for it."""
        async with self._slots.turn(post.webhook, post.tenant, ailing=post.ailing):
            began = monotonic_s()
            outcome = await self._attempt(post)
            if outcome.error == UNREACHABLE:  # nor how long that took
                return outcome
            return replace(outcome, took_ms=round((monotonic_s() - began) * 1000, 1))

    async def _attempt(self, post: Post) -> Outcome:
        """Make an attempt within the time limit; a connection that may not be is not tried."""
        tenants = post.tenant != REGION
        parts = urlsplit(post.url)
        plain, host = parts.scheme == "http", parts.hostname or ""
        if literal_of(host) and not self._reaches[tenants].permits(host, plain=plain):
            return Outcome(error=UNREACHABLE if tenants else f"{host} may not be delivered to{_hint(plain=plain)}")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(self._sessions[tenants, plain], post)
        except TimeoutError:
            return Outcome(error=f"it did not answer within {self._timeout_s:g} s")
        except aiohttp.ClientSSLError as exc:
            return Outcome(error=f"no TLS connection: {_printable(str(exc.__cause__ or exc))}")
        except aiohttp.ClientConnectorError as exc:
            return Outcome(error=UNREACHABLE if tenants else _unreachable(exc, plain=plain))
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            return Outcome(error=_broken(exc))

    async def _exchange(self, session: aiohttp.ClientSession, post: Post) -> Outcome:
        """Send the request and look at the answer."""
        headers = {**HEADERS, **post.headers}
        async with session.post(post.url, data=post.body, headers=headers, allow_redirects=False) as response:
            body = b""
            with suppress(TimeoutError, aiohttp.ClientError):
                async with asyncio.timeout(self._timeout_s if _refuses(response) else self._rest_s):
                    body = await _beginning(response)
            if not response.content.at_eof():
                response.close()  # what is left of it is not waited for
            return _judge(response, body)

    def _session(self, resolver: GuardedResolver) -> aiohttp.ClientSession:
        """Make a pool of connections that go where the resolver lets them."""
        connector = aiohttp.TCPConnector(
            resolver=resolver,
            use_dns_cache=False,
            limit=0,
            ssl=self._tls,
            socket_factory=resolver.make_socket,
            keepalive_timeout=30,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding",),
        )


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Read the first 4 KiB of an answer."""
    body = b""
    while len(body) < BODY_BYTES and not response.content.at_eof():
        body += await response.content.read(BODY_BYTES - len(body))
    return body


def _refuses(response: aiohttp.ClientResponse) -> bool:
    """Tell whether an answer is anything but a success: any 2xx is one."""
    return not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES


def _judge(response: aiohttp.ClientResponse, body: bytes) -> Outcome:
    """Say what an answer means."""
    status = response.status
    if not _refuses(response):
        return Outcome(status=status)
    redirect = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    why = "redirects are not followed" if redirect else _printable(body.decode("utf-8", "replace"))
    error = f"it answered {status}{': ' if why else ''}{why}"
    return Outcome(status=status, error=error, retry_after_s=_retry_after_s(response))


def _retry_after_s(response: aiohttp.ClientResponse) -> int:
    """Read how long the receiver wants to be left alone, where it says so in seconds (RFC 9110 §10.2.3)."""
    text = response.headers.get("Retry-After", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _RETRY_AFTER_DIGITS else 0


def _unreachable(error: aiohttp.ClientConnectorError, *, plain: bool) -> str:
    """Say why there is no connection."""
    cause = error.os_error
    if isinstance(cause, RefusedAddressError):
        return f"{cause}{_hint(plain=plain)}"
    return f"{UNREACHABLE}: {cause.strerror or cause}"


def _broken(error: Exception) -> str:
    """Say how an exchange ended that had begun."""
    match error:
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | OSError():
            return "it broke the connection off"
        case aiohttp.ClientResponseError():
            return "its answer is not HTTP"
        case _:
            return f"the exchange failed: {type(error).__name__}"


def _hint(*, plain: bool) -> str:
    """Say to the operator what would permit it."""
    return f": see [webhooks] allow{', without which there is no plain http' if plain else ''}"


def _printable(text: str) -> str:
    """Keep what can be shown in a line."""
    line = " ".join(text.split())
    return "".join(char if char.isprintable() else "�" for char in line)[:TOLD_CHARACTERS]
