"""Names into addresses that may be delivered to. What is checked here is what is connected to: no second look-up."""

import asyncio
import socket
from contextlib import suppress
from threading import Thread
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from fibrix.domain.webhook_target import Reach

LOOK_UPS: Final = 256
"""So many names are asked for at once; each takes a thread for as long as a name server does not answer."""


class RefusedAddressError(OSError):
    """An address that may not be delivered to."""


class Lookups:
    """Asks the system's resolver, which blocks, each time in a thread of its own.

    No name server that does not answer keeps others waiting, and at the end nobody waits for such a thread. Whoever
    asks for a name that is being asked for joins in.
    """

    def __init__(self) -> None:
        self._running: dict[tuple[str, int], asyncio.Future[list[Any]]] = {}

    async def addresses(self, host: str, port: int) -> list[Any]:
        """Give the answers of getaddrinfo. Raises OSError."""
        key = (host, port)
        found = self._running.get(key)
        if found is None:
            if len(self._running) >= LOOK_UPS:
                raise OSError("too many names are being asked for")
            loop = asyncio.get_running_loop()
            found = self._running[key] = loop.create_future()
            found.add_done_callback(lambda done: self._ended(key, done))
            Thread(target=_ask, args=(loop, found, host, port), name=f"webhook name {host}", daemon=True).start()
        return await asyncio.shield(found)

    def _ended(self, key: tuple[str, int], done: asyncio.Future[list[Any]]) -> None:
        """Forget a look-up; a failure that nobody waits for any more is no news."""
        self._running.pop(key, None)
        if not done.cancelled():
            done.exception()


class GuardedResolver(AbstractResolver):
    """Gives only the addresses that may be connected to; `plain`: for connections without TLS."""

    def __init__(self, lookups: Lookups, reach: Reach, *, plain: bool) -> None:
        self._lookups = lookups
        self._reach = reach
        self._plain = plain

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve. Raises OSError: it cannot be resolved; RefusedAddressError: to nothing that is permitted."""
        found = [
            _result(host, port, kind, place)
            for kind, _, _, _, place in await self._lookups.addresses(host, port)
            if family in {socket.AF_UNSPEC, kind}
        ]
        permitted = [result for result in found if self._reach.permits(result["host"], plain=self._plain)]
        if not permitted:
            raise RefusedAddressError(f"{host} has no address that may be delivered to")
        return permitted

    async def close(self) -> None:
        """Nothing is kept open here."""

    def make_socket(self, place: Any) -> socket.socket:
        """Make the socket of a connection: the last look at where it goes. Raises RefusedAddressError."""
        family, kind, protocol, _, address = place
        if not self._reach.permits(address[0], plain=self._plain):
            raise RefusedAddressError(f"{address[0]} may not be delivered to")
        return socket.socket(family, kind, protocol)


def _ask(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[list[Any]], host: str, port: int) -> None:
    """Ask the system, and hand its answer to the loop: the whole life of a thread."""
    found: list[Any] | OSError
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        found = exc
    except ValueError as exc:  # an empty or overlong label, a NUL
        found = socket.gaierror(socket.EAI_NONAME, f"not a host name: {exc}")
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_answer, answer, found)


def _answer(answer: asyncio.Future[list[Any]], found: list[Any] | OSError) -> None:
    """Settle a look-up, on the loop's thread."""
    if answer.done():
        return
    if isinstance(found, OSError):
        answer.set_exception(found)
    else:
        answer.set_result(found)


def _result(host: str, port: int, family: int, place: Any) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=place[0],
        port=port,
        family=family,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
