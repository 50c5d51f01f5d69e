"""Users, tenants, API keys and SSH keys over HTTP."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from fibrix.domain.account import ApiKey
from fibrix.domain.state import State
from tests.support.site import ACME, GLOBEX, Site

ANY = {"If-Match": "*"}


async def made(http: aiohttp.ClientSession, path: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
    async with http.post(f"/api/v1/{path}", json=body) as response:
        answer: dict[str, Any] = await response.json(content_type=None)
        assert response.status == status, answer
        return answer


async def got(http: aiohttp.ClientSession, path: str, status: int = 200) -> dict[str, Any]:
    async with http.get(f"/api/v1/{path}") as response:
        answer: dict[str, Any] = await response.json(content_type=None)
        assert response.status == status, answer
        return answer


async def edited(http: aiohttp.ClientSession, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    async with http.patch(f"/api/v1/{path}", json=body, headers=ANY) as response:
        answer: dict[str, Any] = await response.json(content_type=None)
        assert response.status == status, answer
        return answer


async def deleted(http: aiohttp.ClientSession, path: str, status: int = 204) -> dict[str, Any]:
    async with http.delete(f"/api/v1/{path}") as response:
        answer = await response.json(content_type=None) if response.status != 204 else {}
        assert response.status == status, answer
        return dict(answer)


def by(site: Site, key: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(site.url, headers={"Authorization": f"Bearer {key}"})


async def test_a_user_is_made_shown_edited_and_removed(site: Site, http: aiohttp.ClientSession) -> None:
    ann = await made(http, "users", {"name": "ann", "role": "operator"})
    assert ann == await got(http, "users/ann") == await got(http, f"users/{ann['id']}")
    assert (ann["tenant"], ann["disabled"], ann["has_password"], ann["revision"]) == ("", False, False, 1)
    ann = await edited(http, "users/ann", {"role": "tenant", "tenant": "acme"})
    assert (ann["tenant"], ann["revision"]) == (ACME, 2)
    ann = await edited(http, "users/ann", {"role": "auditor"})
    assert ann["tenant"] == ""
    await deleted(http, "users/ann")
    await got(http, "users/ann", 404)
    assert "ann" not in str(await got(http, "users"))
    assert await told(site) == ["user.created", "user.updated", "user.updated", "user.deleted"]


async def told(site: Site) -> list[str]:
    """The types of the events of this noun so far."""
    about = ("user.", "tenant.", "api_key.", "ssh_key.")
    return [kind for kind in await site.rig.types() if kind.startswith(about)]


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"name": "Ann", "role": "admin"}, "/name", "cannot be a user's name"),
        ({"name": "../x", "role": "admin"}, "/name", "cannot be a user's name"),
        ({"name": "ann", "role": "king"}, "/role", "Invalid enum value 'king'"),
        ({"name": "ann", "role": "admin", "tenant": "acme"}, "/tenant", "belongs to no tenant"),
        ({"name": "ann", "role": "tenant"}, "/tenant", "say which"),
        ({"name": "ann", "role": "tenant", "tenant": "none"}, "/tenant", "there is no tenant 'none'"),
    ],
)
async def test_a_user_that_cannot_be_is_refused(
    http: aiohttp.ClientSession, body: dict[str, str], pointer: str, words: str
) -> None:
    problem = await made(http, "users", body, 422)
    assert problem["pointer"] == pointer
    assert words.lower() in problem["detail"].lower()


async def test_a_name_in_use_is_a_conflict(http: aiohttp.ClientSession) -> None:
    await made(http, "users", {"name": "operator", "role": "operator"}, 409)
    await made(http, "tenants", {"name": "acme"}, 409)
    await edited(http, "tenants/acme", {"name": "globex"}, 409)


async def test_the_last_admin_stays_one(http: aiohttp.ClientSession) -> None:
    for body in ({"disabled": True}, {"role": "operator"}):
        assert "the last admin" in (await edited(http, "users/admin", body, 409))["detail"]
    await deleted(http, "users/admin", 409)
    await made(http, "users", {"name": "idle", "role": "admin", "disabled": True})
    await deleted(http, "users/admin", 409)
    await made(http, "users", {"name": "second", "role": "admin"})
    await deleted(http, "users/admin")
    await got(http, "me", 401)


async def test_a_disabled_user_is_out_at_once_and_in_again_when_enabled(
    site: Site, http: aiohttp.ClientSession
) -> None:
    async with site.client("operator") as theirs:
        await got(theirs, "me")
        await edited(http, "users/operator", {"disabled": True})
        await got(theirs, "me", 401)
        await edited(http, "users/operator", {"disabled": False, "role": "auditor"})
        assert (await got(theirs, "me"))["may"] == ["audit", "inspect", "public", "read", "self"]


async def test_who_one_is_says_what_one_may_and_came_with(site: Site) -> None:
    async with site.client("acme") as acme:
        me = await got(acme, "me")
    assert (me["name"], me["role"], me["tenant"]) == ("acme", "tenant", {"id": ACME, "name": "acme"})
    assert me["may"] == ["public", "read", "self", "use"]
    assert (me["key"]["name"], me["session_expires_at"]) == ("tests", None)


async def test_an_api_key_is_shown_once_and_stored_as_its_hash(site: Site, http: aiohttp.ClientSession) -> None:
    key = await made(http, "me/keys", {"name": "billing", "scopes": ["read", "read"]})
    assert key["key"].startswith("fibrix_")
    assert len(key["key"]) == len("fibrix_") + 43
    shown = await got(http, "me/keys/billing")
    assert shown == {name: value for name, value in key.items() if name != "key"}
    assert shown["scopes"] == ["read"]
    async with by(site, key["key"]) as theirs:
        await got(theirs, "machines")
        await got(theirs, "users", 403)
        assert (await got(theirs, "me"))["may"] == ["public", "read", "self"]
    await deleted(http, "me/keys/billing")
    async with by(site, key["key"]) as theirs:
        await got(theirs, "me", 401)
    assert await told(site) == ["api_key.created", "api_key.revoked"]
    stored = b"".join(file.read_bytes() for file in site.state_dir.glob("region.db*"))
    assert key["key"].encode() not in stored


async def test_an_api_key_ends_when_it_was_to(site: Site, http: aiohttp.ClientSession) -> None:
    ends = site.rig.clock() + timedelta(hours=1)
    key = await made(http, "me/keys", {"name": "short", "expires_at": ends.isoformat()})
    async with by(site, key["key"]) as theirs:
        await got(theirs, "me")
        site.rig.clock.pass_(3600)
        await got(theirs, "me", 401)
    for never in ("2020-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2030-01-01"):
        problem = await made(http, "me/keys", {"name": "never", "expires_at": never}, 422)
        assert problem["pointer"] == "/expires_at"
    east = await made(http, "me/keys", {"name": "east", "expires_at": "2030-01-01T02:00:00+02:00"})
    assert east["expires_at"] == "2030-01-01T00:00:00Z"


async def test_a_key_makes_no_key_that_may_more_or_lasts_longer(site: Site, http: aiohttp.ClientSession) -> None:
    ends = site.rig.clock() + timedelta(hours=1)
    spec = {"name": "narrow", "scopes": ["read", "use"], "expires_at": ends.isoformat()}
    narrow = await made(http, "me/keys", spec)
    async with by(site, narrow["key"]) as theirs:
        assert "administer" in (await made(theirs, "me/keys", {"name": "all"}, 403))["detail"]
        await made(theirs, "me/keys", {"name": "more", "scopes": ["read", "audit"]}, 403)
        assert "ends at" in (await made(theirs, "me/keys", {"name": "longer", "scopes": ["read"]}, 403))["detail"]
        await made(theirs, "me/keys", {"name": "less", "scopes": ["read"], "expires_at": ends.isoformat()})
        await deleted(theirs, "me/keys/tests", 403)
        await deleted(theirs, "me/keys/less")
        await deleted(theirs, "me/keys/narrow")
        await got(theirs, "me", 401)


async def test_scopes_beyond_the_role_are_refused_each_in_its_place(site: Site) -> None:
    async with site.client("acme") as acme:
        body = {"name": "x", "scopes": ["read", "operate", "administer"]}
        problem = await made(acme, "me/keys", body, 422)
        assert [fault["pointer"] for fault in problem["faults"]] == ["/scopes/1", "/scopes/2"]
        await made(acme, "me/keys", {"name": "tests"}, 409)


async def test_an_admin_makes_and_revokes_the_keys_of_others(site: Site, http: aiohttp.ClientSession) -> None:
    await made(http, "users", {"name": "exporter", "role": "auditor"})
    key = await made(http, "users/exporter/keys", {"name": "prometheus", "scopes": ["inspect"]})
    async with by(site, key["key"]) as theirs:
        assert (await got(theirs, "me"))["name"] == "exporter"
        assert len((await got(http, "users/exporter/keys"))["items"]) == 1
        await deleted(http, "users/exporter/keys/prometheus")
        await got(theirs, "me", 401)
    await got(http, "users/exporter/keys/tests", 404)
    await got(http, "users/nobody/keys", 404)


async def test_the_use_of_a_key_is_noted_to_the_minute(site: Site, http: aiohttp.ClientSession) -> None:
    def key() -> ApiKey:
        return next(k for k in site.rig.region.of(ApiKey).all() if k.user == "u000000001")

    site.rig.clock.pass_(30)
    for _ in range(3):
        await got(http, "me")
    await site.rig.region.change(lambda unit: None)
    assert key().last_used == site.rig.clock().replace(second=0)
    assert key().last_address == "127.0.0.1"
    first = key()
    await got(http, "me")
    await site.rig.region.change(lambda unit: None)
    assert key() is first
    site.rig.clock.pass_(60)
    await got(http, "me")
    await site.rig.region.change(lambda unit: None)
    assert key().last_used == site.rig.clock().replace(second=0)


async def test_a_tenant_is_made_and_sees_itself_alone(site: Site, http: aiohttp.ClientSession) -> None:
    quota = {"machines": 2, "addresses": 4}
    initech = await made(http, "tenants", {"name": "initech", "title": "Initech Ltd.", "quota": quota})
    assert initech["quota"]["machines"] == 2
    assert initech["use"] == {"machines": 0, "cores": 0, "memory_bytes": 0, "disk_bytes": 0, "addresses": 0}
    await edited(http, "tenants/initech", {"quota": {}, "pools": ["b", "a", "b"]})
    assert (await got(http, "tenants/initech"))["pools"] == ["a", "b"]
    await site.put("web-1", State.ALLOCATED, tenant=ACME)
    async with site.client("acme") as acme:
        assert [item["name"] for item in (await got(acme, "tenants"))["items"]] == ["acme"]
        assert (await got(acme, "tenants/acme"))["use"]["machines"] == 1
        hidden, absent = await got(acme, "tenants/globex", 404), await got(acme, "tenants/nobody", 404)
        assert hidden["detail"].replace("globex", "nobody") == absent["detail"]
        await edited(acme, "tenants/acme", {"quota": {}}, 403)
    async with site.client("operator") as operator:
        assert len((await got(operator, "tenants"))["items"]) == 3


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "A"}, "/name"),
        ({"name": "a-"}, "/name"),
        ({"name": "a", "title": "x\ny"}, "/title"),
        ({"name": "a", "title": "x" * 65}, "/title"),
        ({"name": "a", "pools": ["ok", "No"]}, "/pools/1"),
        ({"name": "a", "quota": {"machines": -1}}, "/quota/machines"),
        ({"name": "a", "quota": {"machines": 2**60}}, "/quota/machines"),
        ({"name": "a", "quota": {"disks": 1}}, "/quota/disks"),
    ],
)
async def test_a_tenant_that_cannot_be_is_refused(
    http: aiohttp.ClientSession, body: dict[str, Any], pointer: str
) -> None:
    assert (await made(http, "tenants", body, 422))["pointer"] == pointer


async def test_a_tenant_goes_with_all_that_is_its_own_but_not_with_machines(
    site: Site, http: aiohttp.ClientSession
) -> None:
    machine = await site.put("web-1", State.ALLOCATED, tenant=ACME)
    async with site.client("acme") as acme:
        await made(acme, "ssh-keys", {"name": "ann", "key": ED25519})
        assert "acme has 1 machine:" in (await deleted(http, "tenants/acme", 409))["detail"]
        await site.change(machine.id, tenant="")
        await deleted(http, "tenants/acme")
        await got(acme, "me", 401)
    await got(http, "users/acme", 404)
    assert not [key for key in site.rig.region.ssh_keys.all() if key.tenant]
    assert not [key for key in site.rig.region.of(ApiKey).all() if key.user == "u000000004"]
    kinds = await told(site)
    assert kinds[-4:] == ["api_key.revoked", "user.deleted", "ssh_key.deleted", "tenant.deleted"]


ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB3WivSGCR8s7oMfjCuJ4KmnvG85FUV77EvQSPHfE3Sp"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOfvgQav2C+zk20GOdYMwGrQBsYuwLwVc0gEAeC/hlyw"


async def test_ssh_keys_of_one_tenant_are_not_there_for_another(site: Site, http: aiohttp.ClientSession) -> None:
    async with site.client("acme") as acme, site.client("globex") as globex, site.client("operator") as operator:
        await made(acme, "ssh-keys", {"name": "ann", "key": ED25519})
        await made(globex, "ssh-keys", {"name": "ann", "key": ED25519})
        await made(operator, "ssh-keys", {"name": "ann", "key": ED25519})
        assert (await got(acme, "ssh-keys/ann"))["tenant"] == ACME
        assert [key["tenant"] for key in (await got(operator, "ssh-keys"))["items"]] == [""]
        assert [key["tenant"] for key in (await got(operator, "ssh-keys?tenant=globex"))["items"]] == [GLOBEX]
        await deleted(globex, "ssh-keys/ann")
        await got(acme, "ssh-keys/ann")
        hidden, absent = await got(globex, "ssh-keys?tenant=acme", 404), await got(globex, "ssh-keys?tenant=no", 404)
        assert hidden["detail"].replace("acme", "no") == absent["detail"]
        await deleted(operator, "ssh-keys/ann?tenant=acme")
        await got(acme, "ssh-keys/ann", 404)
        await got(operator, "ssh-keys/ann")


async def test_a_file_of_ssh_keys_is_stored_whole_or_not_at_all(http: aiohttp.ClientSession) -> None:
    bad = f'# ours\n\n{ED25519} ann@laptop\nssh-ed25519 AAAA\n{OTHER}\ncommand="id" {OTHER}\n'
    problem = await made(http, "ssh-key-imports", {"text": bad}, 422)
    assert [fault["detail"].partition(":")[0] for fault in problem["faults"]] == ["line 4", "line 6"]
    assert (await got(http, "ssh-keys"))["items"] == []
    good = f"# ours\n\n{ED25519} ann@laptop\n{OTHER} ann@laptop\n{ED25519} again\n"
    done = await made(http, "ssh-key-imports", {"text": good})
    assert [key["name"] for key in done["added"]] == ["ann@laptop", "ann@laptop-2"]
    assert done["present"] == ["ann@laptop"]
    again = await made(http, "ssh-key-imports", {"text": good})
    assert (again["added"], again["present"]) == ([], ["ann@laptop", "ann@laptop-2", "ann@laptop"])
    await made(http, "ssh-key-imports", {"text": "\n# nothing\n"}, 422)


async def test_what_is_only_rehearsed_changes_nothing(site: Site, http: aiohttp.ClientSession) -> None:
    preview = await made(http, "users?dry_run=true", {"name": "ann", "role": "operator"}, 200)
    assert preview["events"] == ["fibrix.user.created"]
    await got(http, "users/ann", 404)
    preview = await made(http, "me/keys?dry_run=true", {"name": "x"}, 200)
    assert "fibrix_" not in str(preview)
    assert len((await got(http, "me/keys"))["items"]) == 1


async def test_an_edit_needs_the_version_that_it_is_made_for(http: aiohttp.ClientSession) -> None:
    for path in ("users/operator", "tenants/acme"):
        async with http.get(f"/api/v1/{path}") as response:
            tag = response.headers["ETag"]
        field = {"disabled": True} if path.startswith("users") else {"title": "Acme"}
        async with http.patch(f"/api/v1/{path}", json=field) as response:
            assert response.status == 428
        async with http.patch(f"/api/v1/{path}", json=field, headers={"If-Match": tag}) as response:
            assert response.status == 200
        async with http.patch(f"/api/v1/{path}", json=field, headers={"If-Match": tag}) as response:
            assert response.status == 412


async def test_the_record_of_a_change_shows_the_thing_of_the_tenant_that_it_was_about(
    http: aiohttp.ClientSession,
) -> None:
    await made(http, "ssh-keys?tenant=acme", {"name": "ann", "key": ED25519})
    await made(http, "ssh-keys", {"name": "ann", "key": OTHER})
    await deleted(http, "ssh-keys/ann?tenant=acme")
    records = (await got(http, "audit"))["items"]
    (record,) = [record for record in records if record["method"] == "DELETE"]
    assert ACME in str(record["before"])
