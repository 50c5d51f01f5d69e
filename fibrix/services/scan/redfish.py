"""Asks hosts for their Redfish service root, without credentials: it is open to all (DSP0266 §13.2)."""

import socket
import ssl
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp import AddrInfoType

from fibrix.domain.scan import REDFISH_AT_ONCE, REDFISH_S
from fibrix.domain.scan_report import RedfishRoot
from fibrix.services.scan.root import MOST_BYTES, read_root

_PATH: Final = "/redfish/v1/"
_CONNECT_S: Final = 5.0  # with the TLS handshake: old BMCs take seconds for it
_OK: Final = 200
_LEGACY_SERVER_CONNECT: Final = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT of OpenSSL
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "OData-Version": "4.0"}


class RedfishProber:
    """Asks by one interface only. Whom nobody can vouch for is not believed: it follows no redirection."""

    def __init__(self, interface: str, port: int = 443) -> None:
        self._interface = interface
        self._port = port
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Make ready. Nothing is sent."""
        connector = aiohttp.TCPConnector(
            ssl=_any_certificate(),
            limit=REDFISH_AT_ONCE,
            force_close=True,
            socket_factory=self._socket,
        )
        timeout = aiohttp.ClientTimeout(total=REDFISH_S, sock_connect=_CONNECT_S)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            headers=_HEADERS,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what is open."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, address: str) -> RedfishRoot | None:
        """Ask one host; None: there is no Redfish. It comes back within REDFISH_S and raises nothing of the host's."""
        if self._session is None:
            return None
        url = f"https://{address}:{self._port}{_PATH}"
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                return read_root(await _body(response)) if response.status == _OK else None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return None

    def _socket(self, info: AddrInfoType) -> socket.socket:
        """A socket that nothing leaves by another interface, whatever the routes say. Raises OSError."""
        family, kind, protocol, _, _ = info
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._interface.encode())
        except OSError:
            made.close()
            raise
        return made


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Read no more than a service root may have; what is longer is cut, and then is none."""
    read = bytearray()
    async for part in response.content.iter_chunked(8192):
        read += part
        if len(read) > MOST_BYTES:
            return b""
    return bytes(read)


def _any_certificate() -> ssl.SSLContext:
    """BMCs sign their certificates themselves, and old ones speak nothing newer than TLS 1.0 with weak ciphers.

    Nothing secret is sent, and nothing that is answered is trusted.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.options |= _LEGACY_SERVER_CONNECT
    return context
