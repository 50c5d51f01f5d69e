"""SSH keys, and what became of the API keys and SSH keys of before there were users and tenants."""

import sqlite3
from contextlib import closing
from importlib import resources

import msgspec
import pytest

from fibrix.domain.access import REGION, Role
from fibrix.domain.account import ApiKey, User
from fibrix.domain.ports.keys import SshKey
from fibrix.errors import ConflictError, NotFoundError
from fibrix.store.db import Database
from fibrix.store.keys import SshKeys
from fibrix.types import TenantId
from tests.store.events import NOON

ACME = TenantId("t000000001")


def key(name: str, fingerprint: str = "", tenant: TenantId = REGION) -> SshKey:
    return SshKey(name=name, key=f"ssh-ed25519 AAAA {name}", fingerprint=fingerprint or f"SHA256:{name}", tenant=tenant)


async def test_ssh_keys_are_kept_by_tenant_and_name(db: Database) -> None:
    keys = await SshKeys.load(db)
    for made in (key("b"), key("a"), key("a", tenant=ACME)):
        await db.write(lambda tx, made=made: keys.insert(tx, made, NOON))  # type: ignore[misc]
    assert [(k.tenant, k.name) for k in keys.all()] == [("", "a"), ("", "b"), (ACME, "a")]
    assert (await SshKeys.load(db)).all() == keys.all()
    assert keys.all()[0].created_at == NOON
    assert await db.write(lambda tx: [k.name for k in keys.list(tx, ACME)]) == ["a"]


async def test_an_ssh_key_under_a_name_in_use_or_already_there_is_refused(db: Database) -> None:
    keys = await SshKeys.load(db)
    await db.write(lambda tx: keys.insert(tx, key("a", "f"), NOON))
    with pytest.raises(ConflictError, match="the name is in use"):
        await db.write(lambda tx: keys.insert(tx, key("a", "g"), NOON))
    with pytest.raises(ConflictError, match="the key is in use by the SSH key 'a'"):
        await db.write(lambda tx: keys.insert(tx, key("b", "f"), NOON))


async def test_a_deleted_ssh_key_is_gone_and_another_tenants_of_that_name_is_not(db: Database) -> None:
    keys = await SshKeys.load(db)
    for made in (key("a"), key("a", tenant=ACME)):
        await db.write(lambda tx, made=made: keys.insert(tx, made, NOON))  # type: ignore[misc]
    assert (await db.write(lambda tx: keys.delete(tx, ACME, "a"))).tenant == ACME
    assert [k.tenant for k in keys.all()] == [""]
    with pytest.raises(NotFoundError):
        await db.write(lambda tx: keys.delete(tx, ACME, "a"))


def migrated(*statements: str) -> sqlite3.Connection:
    """Fill a store of the second version, then bring it to the third."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    scripts = {
        int(file.name[:4]): file.read_text()
        for file in (resources.files("fibrix.store") / "migrations" / "region").iterdir()
    }
    for number in (1, 2):
        connection.executescript(scripts[number])
    for statement in statements:
        connection.execute(statement)
    connection.executescript(scripts[3])
    return connection


TIME = "2026-01-31T12:00:00.000000+00:00"
OLD_KEYS = f"""INSERT INTO api_keys VALUES
    ('say "hi"', '0b5c8d2e0b5c8d2e', '{TIME}', NULL), ('other', '1b5c8d2e1b5c8d2e', '{TIME}', '{TIME}')"""


def test_api_keys_of_before_become_the_admins() -> None:
    with closing(migrated(OLD_KEYS)) as connection:
        ((body,),) = connection.execute("SELECT body FROM users").fetchall()
        admin = msgspec.json.decode(body, type=User)
        assert (admin.name, admin.role, admin.created_at) == ("admin", Role.ADMIN, NOON)
        rows = connection.execute("SELECT id, key, body FROM user_keys ORDER BY key").fetchall()
        keys = [msgspec.json.decode(body, type=ApiKey) for _, _, body in rows]
        assert [(k.id, k.sha256) for k in keys] == [(row[0], row[1]) for row in rows]
        assert [(k.name, k.user, k.last_used) for k in keys] == [
            ('say "hi"', admin.id, None),
            ("other", admin.id, NOON),
        ]


def test_a_store_without_keys_gets_no_admin_and_one_with_an_admin_keeps_them() -> None:
    with closing(migrated()) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
    there = """INSERT INTO users VALUES ('u000000009', 'admin', '{"id": "u000000009", "name": "admin"}')"""
    with closing(migrated(OLD_KEYS, there)) as connection:
        assert connection.execute("SELECT id FROM users").fetchall() == [("u000000009",)]
        owners = {msgspec.json.decode(body)["user"] for (body,) in connection.execute("SELECT body FROM user_keys")}
        assert owners == {"u000000009"}


def test_ssh_keys_of_before_become_the_regions() -> None:
    with closing(migrated(f"INSERT INTO ssh_keys VALUES ('a', 'k', 'f', '{TIME}')")) as connection:
        assert connection.execute("SELECT * FROM ssh_keys").fetchall() == [("", "a", "k", "f", TIME)]
