"""A value that one party replaces and others read or wait for: how snapshots travel from region to rack."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Cell(Generic[T]):
    """Holds one immutable value. Reading is free; `changed` waits for the next one."""

    def __init__(self, value: T) -> None:
        self._value = value
        self._changed = asyncio.Event()

    @property
    def value(self) -> T:
        """The newest value."""
        return self._value

    def replace(self, value: T) -> None:
        """Put a new value in and wake all who wait."""
        self._value = value
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> T:
        """Wait until the value is replaced; values replaced in between are skipped."""
        await self._changed.wait()
        return self._value
