"""Idempotency-Key: sent once or a hundred times, done once."""

import asyncio
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import pytest
from multidict import CIMultiDictProxy

from fibrix.api.limits import Limits
from fibrix.controllers.ledger import USER_KEYS
from fibrix.domain.machine import Machine
from fibrix.domain.power import PowerState
from fibrix.domain.state import State
from tests.support.site import Site, served
from tests.support.ssh_keys import ed25519

KEYS = "/api/v1/ssh-keys"
Headers: TypeAlias = CIMultiDictProxy[str]
ONCE = {"Idempotency-Key": "order 66"}
ANN = {"name": "ann", "key": ed25519(1)}


async def post(http: aiohttp.ClientSession, path: str, body: Any, **headers: str) -> tuple[int, Headers, Any]:
    """Send it with a key; the status, the headers and the body of the answer."""
    async with http.post(path, json=body, headers=ONCE | headers) as response:
        return response.status, response.headers, await response.json(content_type=None)


async def powered(site: Site) -> tuple[Machine, str]:
    """A machine that is on, and where its power is."""
    machine = await site.put("quick-otter", State.READY)
    site.rig.power.states[machine.id] = PowerState.ON
    return machine, f"/api/v1/machines/{machine.id}/power"


async def test_the_same_request_has_the_same_answer_again(http: aiohttp.ClientSession) -> None:
    first = await post(http, KEYS, ANN)
    again = await post(http, KEYS, ANN)
    assert first[0] == again[0] == 201
    assert first[2] == again[2]
    assert "Idempotency-Replayed" not in first[1]
    assert again[1]["Idempotency-Replayed"] == "true"
    for name in ("Location", "Content-Type"):
        assert first[1][name] == again[1][name]
    assert first[1]["X-Request-Id"] != again[1]["X-Request-Id"]


async def test_a_hundred_at_once_are_carried_out_once(site: Site, http: aiohttp.ClientSession) -> None:
    _, path = await powered(site)

    async def cycle() -> tuple[int, Headers, Any]:
        return await post(http, path, {"action": "cycle"})

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(cycle(), name=f"{number}") for number in range(100)]
    answers = [task.result() for task in asked]
    assert site.rig.power.acted == ["cycle"]
    assert sum(status == 200 and "Idempotency-Replayed" not in headers for status, headers, _ in answers) == 1
    for status, headers, body in answers:
        if status == 409:
            assert body["type"] == "/api/v1/problems/under-way"
            assert headers["Retry-After"] == "1"
        else:
            assert (status, body["changed"]) == (200, True)
    assert (await cycle())[1]["Idempotency-Replayed"] == "true"
    assert site.rig.power.acted == ["cycle"]


async def test_a_key_stands_for_one_path_only(site: Site, http: aiohttp.ClientSession) -> None:
    _, path = await powered(site)
    other = await site.put("brave-otter", State.READY)
    assert (await post(http, path, {"action": "cycle"}))[0] == 200
    status, _, told = await post(http, f"/api/v1/machines/{other.id}/power", {"action": "cycle"})
    assert (status, told["type"]) == (422, "/api/v1/problems/key-reused")
    assert site.rig.power.acted == ["cycle"]


async def test_a_key_stands_for_one_body_only(http: aiohttp.ClientSession) -> None:
    await post(http, KEYS, ANN)
    status, _, told = await post(http, KEYS, ANN | {"name": "bob"})
    assert (status, told["type"]) == (422, "/api/v1/problems/key-reused")
    assert "stands for another request, made at 2026-03-01T12:00:00" in told["detail"]


async def test_keys_are_a_users_own(site: Site, http: aiohttp.ClientSession) -> None:
    await post(http, KEYS, ANN)
    async with site.client("acme") as acme:
        status, headers, _ = await post(acme, KEYS, {"name": "zoe", "key": ed25519(2)})
    assert status == 201
    assert "Idempotency-Replayed" not in headers


async def test_a_refused_request_gives_its_key_back(site: Site, http: aiohttp.ClientSession) -> None:
    machine, path = await powered(site)
    await site.change(machine.id, state=State.COMMISSIONING)
    assert (await post(http, path, {"action": "cycle"}))[0] == 409
    await site.change(machine.id, state=State.READY)
    site.rig.power.broken = "no BMC answers"
    assert (await post(http, path, {"action": "cycle"}))[0] == 502
    assert (await post(http, path, {"action": "never"}))[0] == 422
    site.rig.power.broken = ""
    status, headers, _ = await post(http, path, {"action": "cycle"})
    assert status == 200
    assert "Idempotency-Replayed" not in headers


async def test_a_rehearsal_does_not_take_the_key(http: aiohttp.ClientSession) -> None:
    status, _, told = await post(http, KEYS + "?dry_run=true", ANN)
    assert (status, told["dry_run"]) == (200, True)
    assert (await post(http, KEYS, ANN))[0] == 201


async def test_what_was_changed_since_does_not_refuse_what_was_done(site: Site, http: aiohttp.ClientSession) -> None:
    machine = await site.put("quick-otter", State.READY)
    one = f"/api/v1/machines/{machine.id}"
    async with http.get(one) as response:
        tag = response.headers["ETag"]
    body = {"reason": "it smells"}
    first = await post(http, f"{one}/mark-broken", body, **{"If-Match": tag})
    again = await post(http, f"{one}/mark-broken", body, **{"If-Match": tag})
    assert first[0] == again[0] == 200
    assert again[1]["Idempotency-Replayed"] == "true"
    assert (await post(http, f"{one}/mark-broken", body, **{"If-Match": tag, "Idempotency-Key": "2"}))[0] == 412


async def test_the_answer_is_there_after_a_restart_and_for_a_day(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as http:
        first = await post(http, KEYS, ANN)
    async with served(tmp_path) as site, site.client() as http:
        again = await post(http, KEYS, ANN)
        assert (again[0], again[2]) == (first[0], first[2])
        site.rig.clock.pass_(24 * 3600 - 1)
        assert (await post(http, KEYS, ANN))[0] == 201
        site.rig.clock.pass_(1)
        status, _, told = await post(http, KEYS, ANN)
        assert (status, told["type"]) == (409, "/api/v1/problems/conflict")  # it is another request now


async def test_a_change_that_the_controller_died_after_is_not_made_again(tmp_path: Path) -> None:
    async with served(tmp_path) as site, site.client() as http:
        status, _, _ = await post(http, KEYS, ANN)
        assert status == 201
        # what a controller that dies just before it writes the end of it leaves behind
        rows = "INSERT INTO attempts SELECT 'a1', 1, json_object('id','a1','request',request,'at',at,'user',user,"
        rows += "'user_name',user_name,'tenant',tenant,'key',key,'address',address,'action',action,'method',method,"
        rows += "'path',path,'subject',subject,'idempotency_key','order 67','fingerprint','f') FROM audit"
        await site.rig.region.db.write(lambda tx: tx.execute(rows))
        kept = "UPDATE attempts SET body = json_set(body, '$.fingerprint', (SELECT fingerprint FROM answers))"
        await site.rig.region.db.write(lambda tx: tx.execute(kept))
    async with served(tmp_path) as site, site.client() as http:
        status, _, told = await post(http, KEYS, ANN, **{"Idempotency-Key": "order 67"})
        assert (status, told["type"]) == (409, "/api/v1/problems/answer-lost")
        assert "done at 2026-03-01T12:00:00" in told["detail"]
        assert "Look at ssh-keys/ann" in told["detail"]


@pytest.mark.parametrize("key", ["x" * 256, "a\tb", "\u00a0"])
async def test_a_key_that_cannot_be_is_refused_in_words(http: aiohttp.ClientSession, key: str) -> None:
    status, _, told = await post(http, KEYS, ANN, **{"Idempotency-Key": key})
    assert status == 422
    assert "Idempotency-Key: write 1 to 255 printable characters" in told["detail"]


async def test_too_many_keys_of_a_user_are_refused_until_the_oldest_is_a_day_old(
    site: Site, http: aiohttp.ClientSession
) -> None:
    row = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    row += " INSERT INTO answers SELECT 'u000000001', i, '2026-03-01T11:00:00', '', '', '', x'' FROM n"
    await site.rig.region.db.write(lambda tx: tx.execute(row, (USER_KEYS,)))
    await site.rig.region.books.prune(site.rig.clock().replace(year=2025))  # it counts them again
    status, headers, told = await post(http, KEYS, ANN)
    assert (status, headers["Retry-After"]) == (429, "3600")
    assert "send requests without one" in told["detail"]
    async with http.post(KEYS, json=ANN) as response:
        assert response.status == 201
    site.rig.clock.pass_(24 * 3600)
    await site.rig.core.recorder.tidy(prune=True)
    assert (await post(http, KEYS, {"name": "bob", "key": ed25519(2)}))[0] == 201


async def test_a_request_that_takes_too_long_is_not_made_again(tmp_path: Path) -> None:
    async with served(tmp_path, Limits(handle_s=0.2)) as site, site.client() as http:
        _, path = await powered(site)
        site.rig.power.late_s = 5
        assert (await post(http, path, {"action": "cycle"}))[0] == 504
        status, _, told = await post(http, path, {"action": "cycle"})
        assert (status, told["type"]) == (409, "/api/v1/problems/answer-lost")
        assert "it took too long" in told["detail"]
        assert site.rig.power.acted == ["cycle"]
