"""Names into addresses that may be delivered to. What is checked here is what is connected to: no second look-up."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

from fibrix.domain.webhook_target import Reach

THREADS: Final = 32
"""getaddrinfo blocks; a name server that does not answer must not take the threads that others need."""


class RefusedAddressError(OSError):
    """An address that may not be delivered to."""


class Lookups:
    """Asks the system's resolver in threads of its own; whoever asks for a name that is being asked for joins in."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook names")
        self._running: dict[tuple[str, int], asyncio.Future[list[Any]]] = {}

    async def addresses(self, host: str, port: int) -> list[Any]:
        """Give the answers of getaddrinfo. Raises OSError."""
        key = (host, port)
        found = self._running.get(key)
        if found is None:
            loop = asyncio.get_running_loop()
            found = loop.run_in_executor(self._threads, _look_up, host, port)
            self._running[key] = found
            found.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(found)

    def close(self) -> None:
        """Wait for nobody: a thread that still asks ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

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


def _look_up(host: str, port: int) -> list[Any]:
    """Ask the system. Runs in a thread. Raises OSError."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as exc:  # an empty or overlong label
        raise socket.gaierror(socket.EAI_NONAME, f"not a host name: {exc}") from exc


def _result(host: str, port: int, family: int, place: Any) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=place[0],
        port=port,
        family=family,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
