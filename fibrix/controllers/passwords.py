"""Asking for a password: never faster than the throttle lets anyone guess."""

import asyncio
from collections.abc import Callable

from fibrix.domain.account import User
from fibrix.domain.throttle import Throttle
from fibrix.errors import ForbiddenError, ThrottledError
from fibrix.runtime.hashing import PasswordHashes


class Passwords:
    """Hashes, and the throttle in front of them. `monotonic` gives seconds."""

    def __init__(self, hashes: PasswordHashes, throttle: Throttle, monotonic: Callable[[], float]) -> None:
        self._hashes = hashes
        self._throttle = throttle
        self._monotonic = monotonic

    async def hash(self, password: str) -> str:
        """Hash a password that was checked. Raises ThrottledError: too many wait."""
        return await self._hashes.hash(password)

    async def renewed(self, stored: str, password: str) -> str:
        """Give the hash to keep of a password that was just verified: the same, unless hashes cost more by now."""
        return await self._hashes.hash(password) if self._hashes.is_outdated(stored) else stored

    async def guess(self, name: str, stored: str, password: str, address: str) -> bool:
        """Tell whether this is the password. Without a hash (empty) it is not, after the same time.

        Raises ThrottledError: too many guesses were wrong, or too many wait.
        """
        held_s = self._throttle.admit(name, address, self._monotonic())
        if held_s:
            await asyncio.sleep(held_s)
        try:
            return await self._hashes.verify(stored, password)
        except ThrottledError:
            self._throttle.give_back(name, address)
            raise

    def right(self, name: str, address: str) -> None:
        """Take note that a guess was right, and let in."""
        self._throttle.succeeded(name, address)

    async def check_own(self, user: User, password: str, address: str) -> None:
        """Have a user show that they know their password. Raises ForbiddenError, ThrottledError."""
        if not await self.guess(user.name, user.password_hash, password, address):
            raise ForbiddenError("the present password is another one")
        self.right(user.name, address)
