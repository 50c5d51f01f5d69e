"""Names, passwords and the ends of sessions."""

from datetime import UTC, datetime, timedelta

import pytest

from fibrix.domain.access import GRANTS, Permission, Role, permissions
from fibrix.domain.account import Session, check_pools, check_tenant_name, check_user_name, check_words, is_over
from fibrix.domain.password import check_password
from fibrix.errors import InvalidError
from fibrix.types import SessionId, UserId

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("name", ["a", "ann", "ann.lee@example.net", "bot_7", "a" * 64])
def test_a_user_may_have_such_a_name(name: str) -> None:
    assert check_user_name(name) == name


@pytest.mark.parametrize("name", ["", "Ann", "-a", ".a", "a b", "a/b", "ä", "a\n", "a" * 65])
def test_a_user_may_not_have_such_a_name(name: str) -> None:
    with pytest.raises(InvalidError) as refused:
        check_user_name(name)
    assert refused.value.pointer == "/name"


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a.b", "a_b", "a" * 64])
def test_a_tenant_may_not_have_such_a_name(name: str) -> None:
    with pytest.raises(InvalidError):
        check_tenant_name(name)


def test_pools_are_sorted_and_named_once() -> None:
    assert check_pools(("b", "a", "b")) == ("a", "b")
    assert check_pools(()) == ()


@pytest.mark.parametrize("text", ["x" * 65, "a\x1bb", " a", "a\n"])
def test_words_for_people_are_one_printable_line(text: str) -> None:
    with pytest.raises(InvalidError):
        check_words(text, pointer="/title")


def test_a_password_is_long_and_not_the_name() -> None:
    assert check_password("correct horse", "ann") == "correct horse"
    assert check_password("u\u0308" * 10, "ann") == "\u00fc" * 10
    for password in ("", "x" * 9, "x" * 1025, "Annabelle.Lee"):
        with pytest.raises(InvalidError) as refused:
            check_password(password, "annabelle.lee")
        assert not password or password not in str(refused.value)


def test_a_session_is_over_when_it_is_old_or_was_not_used() -> None:
    session = Session(
        id=SessionId("x"), user=UserId("u"), csrf="t", address="", created_at=NOW, expires_at=NOW + 2 * HOUR
    )
    assert not is_over(session, NOW, HOUR)
    assert is_over(session, NOW + HOUR, HOUR)
    assert is_over(session, NOW + 2 * HOUR, 9 * HOUR)


def test_scopes_narrow_what_a_role_may_and_never_widen_it() -> None:
    for role in Role:
        assert permissions(role) == GRANTS[role]
        for scope in Permission:
            assert permissions(role, [scope]) <= GRANTS[role]
            assert {Permission.PUBLIC, Permission.SELF} <= permissions(role, [scope])
