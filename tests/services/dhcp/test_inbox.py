"""Who is served first when there are too many."""

import pytest

from fibrix.services.dhcp.inbox import Inbox


def test_expected_machines_go_before_strangers_that_came_earlier() -> None:
    inbox: Inbox[str] = Inbox()
    inbox.put("stranger", "eth1", expected=False)
    inbox.put("known", "eth1", expected=True)
    assert (len(inbox), inbox.take(), inbox.take(), bool(inbox)) == (2, "known", "stranger", False)


def test_links_take_turns() -> None:
    inbox: Inbox[str] = Inbox()
    for name in ("a1", "a2", "a3"):
        inbox.put(name, "eth1", expected=False)
    inbox.put("b1", 0x0A4E00FE, expected=False)
    assert [inbox.take() for _ in range(4)] == ["a1", "b1", "a2", "a3"]


def test_when_there_are_too_many_strangers_the_oldest_is_dropped_and_other_links_lose_none() -> None:
    inbox: Inbox[int] = Inbox()
    inbox.put(-1, "eth2", expected=False)
    kept = [inbox.put(number, "eth1", expected=False) for number in range(5_000)]
    assert (kept.count(True), len(inbox)) == (4_000, 4_001)
    assert [inbox.take(), inbox.take()] == [-1, 1_000]


def test_it_is_bounded_in_every_direction() -> None:
    inbox: Inbox[int] = Inbox()
    for number in range(10_000):
        inbox.put(number, "eth1", expected=True)
        inbox.put(number, number, expected=False)
    assert len(inbox) == 8_000 + 256
    inbox.clear()
    with pytest.raises(IndexError):
        inbox.take()
