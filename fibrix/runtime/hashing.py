"""Password hashes: argon2id (RFC 9106), slow on purpose, in threads of their own."""

import asyncio
import os
import secrets
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from fibrix.domain.password import normal
from fibrix.errors import ThrottledError

T = TypeVar("T")

THREADS: Final = 2
WAITING: Final = 256
"""So many passwords may wait for a thread; whoever comes then is asked to come again."""

_AGAIN_S: Final = 10
_NICE: Final = 10  # the loop, and with it DHCP, goes first


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs. It is stored within the hash, so a new cost does not make old passwords void."""

    time: int = 2  # passes
    memory_kib: int = 46 << 10
    lanes: int = 1


class PasswordHashes:
    """Hashes and verifies passwords, at most two at a time: each takes 46 MiB and about a tenth of a second."""

    def __init__(self, cost: Cost = Cost()) -> None:
        self._hasher = PasswordHasher(cost.time, cost.memory_kib, cost.lanes)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="password", initializer=_be_nice)
        self._waiting = 0
        self._nobodys: Final = _nobodys(cost)

    async def hash(self, password: str) -> str:
        """Hash a password that was checked. Raises ThrottledError: too many wait."""
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def verify(self, stored: str, password: str) -> bool:
        """Tell whether a password is the one that was hashed. Without a hash (empty) it takes as long, and is not.

        Raises ThrottledError: too many wait.
        """
        return await self._in_thread(lambda: self._verify(stored, normal(password)))

    def is_outdated(self, stored: str) -> bool:
        """Tell whether a hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            self._hasher.verify(stored or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return bool(stored)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING:
            raise ThrottledError("too many log in at once: try again in a moment", retry_after_s=_AGAIN_S)
        future = self._threads.submit(work)
        self._waiting += 1
        try:
            return await asyncio.wrap_future(future)
        finally:
            self._waiting -= 1


def _nobodys(cost: Cost) -> str:
    """Make up a hash that no password has, in argon2's encoding: to verify one against it takes as long as any."""
    salt, made = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v={ARGON2_VERSION}$m={cost.memory_kib},t={cost.time},p={cost.lanes}${salt}${made}"


def _be_nice() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
