"""Password hashes."""

import asyncio
from statistics import median
from time import process_time

import pytest

from fibrix.errors import ThrottledError
from fibrix.runtime import hashing
from fibrix.runtime.hashing import Cost, PasswordHashes

CHEAP = Cost(time=1, memory_kib=8)


async def test_a_password_is_known_again_however_it_is_typed() -> None:
    hashes = PasswordHashes(CHEAP)
    stored = await hashes.hash("gr\u00fc\u00dfe vom berg")
    assert stored.startswith("$argon2id$")
    assert await hashes.verify(stored, "gr\u00fc\u00dfe vom berg")
    assert await hashes.verify(stored, "gru\u0308\u00dfe vom berg")
    assert not await hashes.verify(stored, "gr\u00fc\u00dfe vom tal")
    assert not await hashes.verify("", "")
    assert not await hashes.verify("no hash at all", "x")


async def test_a_hash_says_what_it_cost() -> None:
    stored = await PasswordHashes(CHEAP).hash("x")
    assert not PasswordHashes(CHEAP).is_outdated(stored)
    assert PasswordHashes(Cost(time=2, memory_kib=8)).is_outdated(stored)
    assert await PasswordHashes(Cost(time=2, memory_kib=8)).verify(stored, "x")


async def test_no_hash_takes_as_long_as_a_wrong_password() -> None:
    hashes = PasswordHashes(Cost(time=2, memory_kib=8 << 10))
    stored = await hashes.hash("x")
    took: dict[str, list[float]] = {stored: [], "": []}
    for _ in range(5):
        for each, times in took.items():
            began = process_time()
            await hashes.verify(each, "y")
            times.append(process_time() - began)
    assert median(took[""]) == pytest.approx(median(took[stored]), rel=0.5)


async def test_two_are_hashed_at_once_and_too_many_are_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WAITING", 3)
    hashes = PasswordHashes(Cost(time=2, memory_kib=8 << 10))
    refused: list[ThrottledError] = []

    async def one() -> None:
        try:
            await hashes.hash("x")
        except ThrottledError as exc:
            refused.append(exc)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(one(), name=f"login {number}")
    assert [exc.retry_after_s for exc in refused] == [10, 10]
    assert await hashes.hash("x")
