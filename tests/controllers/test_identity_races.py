"""What happens at once: many logins, keys and admins."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest

from fibrix.domain.account import ApiKey, Session, User
from fibrix.domain.ports.identity import ApiKeySpec, UserChanges
from fibrix.errors import ConflictError, FibrixError, NotFoundError, ThrottledError, UnauthorizedError
from tests.support.site import Site, key_of, site

GOOD = "correct horse battery"


async def all_of(*calls: Awaitable[object]) -> list[object]:
    """Make calls at once; gives what each gave, or its error."""

    async def one(call: Awaitable[object]) -> object:
        try:
            return await call
        except FibrixError as exc:
            return exc

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(call), name="call") for call in calls]
    return [task.result() for task in tasks]


async def test_two_admins_cannot_put_each_other_out_at_once(tmp_path: Path) -> None:
    async with site(tmp_path) as opened:
        users = opened.ports.users
        await users.update("operator", UserChanges(role=users.get("admin").role))
        results = await all_of(
            users.update("admin", UserChanges(disabled=True)),
            users.update("operator", UserChanges(disabled=True)),
            users.delete("admin"),
            users.delete("operator"),
        )
        assert any(isinstance(result, ConflictError) for result in results)
        left = [user for user in opened.rig.region.of(User).all() if user.role.value == "admin" and not user.disabled]
        assert len(left) >= 1


async def test_many_keys_of_one_name_at_once_are_one(tmp_path: Path) -> None:
    async with site(tmp_path) as opened:
        caller = opened.ports.gate.by_key(key_of("acme"), "")
        keys = opened.ports.api_keys
        results = await all_of(*(keys.add(caller, "acme", ApiKeySpec(name="same")) for _ in range(20)))
        assert sum(isinstance(result, tuple) for result in results) == 1


async def test_a_revoked_key_is_refused_from_the_commit_on(tmp_path: Path) -> None:
    async with site(tmp_path) as opened:
        gate, keys = opened.ports.gate, opened.ports.api_keys
        caller = gate.by_key(key_of("acme"), "192.0.2.1")
        assert gate.current(caller) is caller
        await keys.revoke(caller, "acme", "tests")
        assert gate.current(caller) is None
        with pytest.raises(UnauthorizedError):
            gate.by_key(key_of("acme"), "192.0.2.1")


async def test_a_changed_role_takes_effect_at_once(tmp_path: Path) -> None:
    async with site(tmp_path) as opened:
        gate, users = opened.ports.gate, opened.ports.users
        caller = gate.by_key(key_of("operator"), "")
        await users.update("operator", UserChanges(role=users.get("acme").role, tenant="acme"))
        now = gate.current(caller)
        assert now is not None
        assert (now.tenant, now.may) == (users.get("acme").tenant, gate.by_key(key_of("acme"), "").may)
        await users.update("operator", UserChanges(disabled=True))
        assert gate.current(caller) is None


async def test_a_use_that_is_noted_does_not_bring_a_revoked_key_back(tmp_path: Path) -> None:
    async with site(tmp_path) as opened:
        caller = opened.ports.gate.by_key(key_of("acme"), "")
        revoking = opened.ports.api_keys.revoke(caller, "acme", "tests")
        opened.rig.clock.pass_(61)
        opened.ports.gate.by_key(key_of("acme"), "")
        await revoking
        await opened.rig.region.change(lambda unit: None)
        with pytest.raises(NotFoundError):
            opened.rig.region.of(ApiKey).get(caller.key)


async def test_a_user_who_is_disabled_while_logging_in_is_not_in(tmp_path: Path) -> None:
    async with site(tmp_path) as opened:
        await opened.ports.users.set_password("operator", GOOD)
        login, _ = await all_of(
            opened.ports.logins.open("operator", GOOD, ""),
            opened.ports.users.update("operator", UserChanges(disabled=True)),
        )
        assert isinstance(login, UnauthorizedError)
        assert opened.rig.region.of(Session).all() == ()


async def test_many_guesses_at_once_are_no_more_than_one_after_the_other(tmp_path: Path) -> None:
    async with site(tmp_path) as opened:
        results = await guesses(opened, 30)
        assert sum(isinstance(result, UnauthorizedError) for result in results) == 5
        assert sum(isinstance(result, ThrottledError) for result in results) == 25


async def guesses(opened: Site, times: int) -> list[object]:
    """Guess a password many times at once."""
    return await all_of(*(opened.ports.logins.open("operator", f"guess {n}", "192.0.2.1") for n in range(times)))


async def test_a_flood_of_failed_logins_does_not_fill_the_journal(tmp_path: Path) -> None:
    async with site(tmp_path) as opened:
        calls = (opened.ports.logins.open(f"user{n}", "guess", f"10.0.{n >> 2}.1") for n in range(24))
        await all_of(*calls)
        await opened.rig.region.change(lambda unit: None)
        assert (await opened.rig.types()).count("user.login_failed") == 20
