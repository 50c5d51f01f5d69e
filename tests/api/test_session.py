"""Browsers logging in and out over HTTP, and their passwords."""

from http.cookies import SimpleCookie
from typing import Any, Final

import aiohttp
import pytest
from msgspec.structs import replace

from fibrix.domain.account import Session, User
from fibrix.runtime.hashing import Cost, PasswordHashes
from tests.support.site import Site

GOOD: Final = "correct horse battery"
CHEAP: Final = PasswordHashes(Cost(time=1, memory_kib=8))


async def give_password(http: aiohttp.ClientSession, user: str, password: str = GOOD, status: int = 204) -> None:
    async with http.post(f"/api/v1/users/{user}/password", json={"password": password}) as response:
        assert response.status == status


class Browser:
    """A browser: keeps the cookie, and the token of its session."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.cookie = ""
        self.token = ""
        self.set_cookie = ""

    async def call(
        self, method: str, path: str, body: object = None, *, token: str | None = None, **headers: str
    ) -> tuple[int, Any]:
        sent = {"X-CSRF-Token": self.token if token is None else token} | headers
        if self.cookie:
            sent["Cookie"] = f"fibrix_session={self.cookie}"
        async with (
            aiohttp.ClientSession(self._site.url, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(method, f"/api/v1/{path}", json=body, headers=sent) as response,
        ):
            self.set_cookie = response.headers.get("Set-Cookie", self.set_cookie)
            self.retry_after = response.headers.get("Retry-After", "")
            answer = await response.json(content_type=None) if response.status not in {204, 101} else None
            return response.status, answer

    async def log_in(self, name: str, password: str = GOOD) -> int:
        self.cookie = ""
        status, answer = await self.call("POST", "session", {"name": name, "password": password})
        if status == 201:
            self.cookie = SimpleCookie(self.set_cookie)["fibrix_session"].value
            self.token = answer["csrf"]
        return status


@pytest.fixture
async def browser(site: Site, http: aiohttp.ClientSession) -> Browser:
    """A browser, and an operator who has a password."""
    await give_password(http, "operator")
    return Browser(site)


async def test_a_browser_logs_in_works_and_logs_out(site: Site, browser: Browser) -> None:
    assert await browser.log_in("operator") == 201
    flags = {part.strip().split("=")[0] for part in browser.set_cookie.split(";")[1:]}
    assert flags == {"Max-Age", "Path", "HttpOnly", "SameSite"}
    status, session = await browser.call("GET", "session")
    assert (status, session["user"], session["csrf"], session["idle_s"]) == (200, "operator", browser.token, 3600)
    status, me = await browser.call("GET", "me")
    assert (me["name"], me["key"]) == ("operator", None)
    assert me["session_expires_at"] == session["expires_at"]
    status, _ = await browser.call("DELETE", "session")
    assert status == 204
    assert "Max-Age=0" in browser.set_cookie
    assert (await browser.call("GET", "me"))[0] == 401
    assert "user.logged_in" in await site.rig.types()
    secret = browser.cookie.encode()
    assert secret not in b"".join(file.read_bytes() for file in site.state_dir.glob("region.db*"))


async def test_who_calls_by_key_has_no_session(http: aiohttp.ClientSession) -> None:
    for method in ("GET", "DELETE"):
        async with http.request(method, "/api/v1/session") as response:
            assert response.status == 404


async def test_a_change_by_a_browser_needs_the_token_and_comes_from_our_own_pages(site: Site, browser: Browser) -> None:
    await browser.log_in("operator")
    spec = {"name": "mine"}
    for token in ("", "x", "ä" * 43, browser.token[:-1]):
        assert (await browser.call("POST", "me/keys", spec, token=token))[0] == 403
    for origin in ("https://evil.example", "null", "http://[", f"{site.url}.evil.example"):
        assert (await browser.call("POST", "me/keys", spec, Origin=origin))[0] == 403
        login = {"name": "operator", "password": GOOD}
        assert (await browser.call("POST", "session", login, Origin=origin))[0] == 403
    assert (await browser.call("POST", "me/keys", spec, Origin=site.url))[0] == 201
    assert (await browser.call("GET", "me", token="", Origin="https://evil.example"))[0] == 200


async def test_every_wrong_login_gets_the_same_answer(
    site: Site, http: aiohttp.ClientSession, browser: Browser
) -> None:
    await give_password(http, "auditor")
    async with http.patch("/api/v1/users/auditor", json={"disabled": True}, headers={"If-Match": "*"}) as response:
        assert response.status == 200
    answers = []
    for name, password in (("operator", "wrong"), ("nobody", GOOD), ("acme", ""), ("acme", GOOD), ("auditor", GOOD)):
        status, problem = await browser.call("POST", "session", {"name": name, "password": password})
        assert status == 401
        answers.append(problem)
    assert answers == [answers[0]] * 5
    await site.rig.region.change(lambda unit: None)  # nobody waited for what was posted before
    failed = [entry for entry in await site.rig.region.journal.since(0) if entry.type == "user.login_failed"]
    assert len(failed) == 5
    assert GOOD.encode() not in b"".join(entry.data for entry in failed)


async def test_the_name_in_the_event_of_a_failed_login_is_cut(site: Site, browser: Browser) -> None:
    await browser.call("POST", "session", {"name": "x\x1b[2J" + "y" * 200, "password": "wrong"})
    await site.rig.region.change(lambda unit: None)
    (failed,) = [entry for entry in await site.rig.region.journal.since(0) if entry.type == "user.login_failed"]
    assert b"\\u001b" not in failed.data
    assert b'"x[2J' + b"y" * 60 + b'"' in failed.data


async def test_guessing_is_slowed_down_and_success_is_a_clean_slate(browser: Browser) -> None:
    for _ in range(4):
        assert await browser.log_in("operator", "wrong") == 401
    assert await browser.log_in("operator") == 201
    for _ in range(5):
        assert await browser.log_in("operator", "wrong") == 401
    assert await browser.log_in("operator") == 429
    assert 1 <= int(browser.retry_after) <= 2
    assert await browser.log_in("acme", "wrong") == 401  # another user is asked as before


async def test_a_session_ends_when_it_is_old_or_was_not_used(site: Site, browser: Browser) -> None:
    clock = site.rig.clock
    await browser.log_in("operator")
    for _ in range(3):  # used every half an hour it lasts
        clock.pass_(1800)
        assert (await browser.call("GET", "me"))[0] == 200
        await site.rig.region.change(lambda unit: None)
    clock.pass_(3600)
    assert (await browser.call("GET", "me"))[0] == 401
    await browser.log_in("operator")
    statuses = []
    for _ in range(24):
        clock.pass_(1800)
        statuses.append((await browser.call("GET", "me"))[0])
        await site.rig.region.change(lambda unit: None)
    assert statuses == [200] * 23 + [401]
    await browser.log_in("operator")
    assert len(site.rig.region.of(Session).all()) == 1  # those of before are gone


async def test_a_user_has_so_many_sessions_at_most(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fibrix.controllers.login.SESSIONS", 2)
    first = Browser(site)
    await first.log_in("operator")
    for _ in range(2):
        site.rig.clock.pass_(1)
        await browser.log_in("operator")
    assert (await first.call("GET", "me"))[0] == 401
    assert (await browser.call("GET", "me"))[0] == 200


async def test_changing_the_password_needs_the_present_one_and_ends_the_other_sessions(
    site: Site, browser: Browser
) -> None:
    other = Browser(site)
    await browser.log_in("operator")
    await other.log_in("operator")
    new = "a new and long one"
    assert (await browser.call("POST", "me/password", {"present": "wrong", "password": new}))[0] == 403
    for bad in ("short", "x" * 1025, "OPERATOR"):
        status, problem = await browser.call("POST", "me/password", {"present": GOOD, "password": bad})
        assert (status, problem["pointer"]) == (422, "/password")
        assert bad not in problem["detail"]
    assert (await browser.call("POST", "me/password", {"present": GOOD, "password": new}))[0] == 204
    assert (await browser.call("GET", "me"))[0] == 200
    assert (await other.call("GET", "me"))[0] == 401
    assert await other.log_in("operator") == 401
    assert await other.log_in("operator", new) == 201


async def test_an_admin_resets_and_takes_a_password(site: Site, http: aiohttp.ClientSession, browser: Browser) -> None:
    await browser.log_in("operator")
    await give_password(http, "operator", "short", 422)
    await give_password(http, "operator", "another long one")
    assert (await browser.call("GET", "me"))[0] == 401
    assert await browser.log_in("operator", "another long one") == 201
    async with http.delete("/api/v1/users/operator/password") as response:
        assert response.status == 204
    assert (await browser.call("GET", "me"))[0] == 401
    assert await browser.log_in("operator", "another long one") == 401
    async with http.post("/api/v1/me/password", json={"present": "", "password": GOOD}) as response:
        assert response.status == 409  # the admin has none yet


async def test_a_disabled_users_session_is_over_for_good(
    site: Site, http: aiohttp.ClientSession, browser: Browser
) -> None:
    await browser.log_in("operator")
    for disabled in (True, False):
        async with http.patch(
            "/api/v1/users/operator", json={"disabled": disabled}, headers={"If-Match": "*"}
        ) as response:
            assert response.status == 200
        assert (await browser.call("GET", "me"))[0] == 401
    assert await browser.log_in("operator") == 201


async def test_a_hash_of_another_cost_is_made_anew_at_the_next_login(site: Site, browser: Browser) -> None:
    operator = site.rig.region.of(User).by_key("operator")
    assert operator is not None
    cheap = replace(operator, password_hash=await CHEAP.hash(GOOD))
    await site.rig.region.change(lambda unit: unit.of(User).update(cheap))
    assert await browser.log_in("operator") == 201
    after = site.rig.region.of(User).get(operator.id)
    assert after.password_hash not in {"", cheap.password_hash}
    assert after.revision == operator.revision
    assert await browser.log_in("operator") == 201


async def test_bytes_that_are_no_text_are_refused_like_any_other_key(site: Site) -> None:
    async with aiohttp.ClientSession(site.url) as session:
        for headers in (
            {"Authorization": "Bearer \udcff\udcfe"},
            {"Authorization": "Bearer"},
            {"Authorization": "Basic YTpi"},
            {"Cookie": "fibrix_session=\udcff"},
            {"Cookie": "fibrix_session=" + "x" * 4000},
        ):
            async with session.get("/api/v1/me", headers=headers) as response:
                assert response.status == 401, headers


@pytest.mark.parametrize(
    "body", [{}, {"name": "a"}, {"name": 1, "password": "x"}, {"name": "a" * 256, "password": "x"}]
)
async def test_a_login_that_is_none_is_refused(browser: Browser, body: dict[str, object]) -> None:
    assert (await browser.call("POST", "session", body))[0] == 422
