"""`fibrix webhook`, as its users call it."""

from pathlib import Path

import msgspec

from tests.cli.conftest import Command

URL = "https://receiver.example/hook"


async def test_a_webhook_is_made_listed_changed_rotated_and_deleted(fibrix: Command, tmp_path: Path) -> None:
    made = await fibrix("webhook", "add", "billing", URL, "--type", "machine.*", "--parallel", "2")
    assert "whsec_" in made.out
    listed = await fibrix("webhook", "list")
    assert all(word in listed.out for word in ("billing", URL, "machine.", "enabled"))
    edited = await fibrix("webhook", "edit", "billing", "--disable", "--subject", "machines/")
    assert "disabled" in edited.out
    shown = msgspec.json.decode((await fibrix("webhook", "show", "billing", "--json")).out)
    assert shown["wants"] == {"types": ["machine."], "subject": "machines/", "machine": "", "tenant": ""}
    assert (shown["enabled"], shown["status"]["dead"]) == (False, 0)
    kept = tmp_path / "secret"
    rotated = await fibrix("webhook", "rotate", "billing", "--to", str(kept))
    assert "whsec_" not in rotated.out
    assert kept.read_text().startswith("whsec_")
    assert kept.stat().st_mode & 0o777 == 0o600
    again = await fibrix("webhook", "rotate", "billing", "--to", str(kept))
    assert (again.status, "is there already" in again.err) == (2, True)
    assert "gone" in (await fibrix("webhook", "delete", "billing")).out
    assert (await fibrix("webhook", "show", "billing")).status == 6


async def test_a_test_that_fails_says_why_and_ends_with_1(fibrix: Command) -> None:
    await fibrix("webhook", "add", "billing", "https://localhost:1/")
    tried = await fibrix("webhook", "test", "billing")
    assert tried.status == 1
    assert "may be delivered to" in tried.err
    assert (await fibrix("webhook", "dead-letters", "billing")).out == "no dead letters\n"
    assert (await fibrix("webhook", "replay", "billing")).out == "0 will be tried again\n"
