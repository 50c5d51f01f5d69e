"""Logging in, dry runs, output for programs, completion."""

import json
import stat
from pathlib import Path

import pytest

from fibrix.domain.state import State
from tests.cli.conftest import Command, Ended, run_command
from tests.support.site import Site, key_of


@pytest.fixture
def home(tmp_path: Path) -> str:
    """A configuration folder of one's own."""
    return str(tmp_path / "config")


async def logged_in(site: Site, home: str, who: str = "operator", *words: str) -> Ended:
    """Log in as somebody, with the key on stdin."""
    return await run_command("login", site.url, *words, stdin=f"{key_of(who)}\n".encode(), XDG_CONFIG_HOME=home)


async def test_who_logged_in_needs_no_url_and_no_key_any_more(site: Site, home: str) -> None:
    await site.put("web-1")
    told = await logged_in(site, home)
    assert (told.status, told.err) == (0, "")
    assert "operator" in told.out
    kept = Path(home) / "fibrix" / "profiles.toml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "web-1" in (await run_command("machine", "list", XDG_CONFIG_HOME=home)).out
    assert json.loads((await run_command("whoami", "--json", XDG_CONFIG_HOME=home)).out)["name"] == "operator"


async def test_a_key_that_is_not_good_is_not_kept(site: Site, home: str) -> None:
    told = await run_command("login", site.url, stdin=b"wrong\n", XDG_CONFIG_HOME=home)
    assert told.status == 4
    assert json.loads((await run_command("profile", "list", "--json", XDG_CONFIG_HOME=home)).out) == []


async def test_profiles_are_listed_chosen_and_forgotten(site: Site, home: str) -> None:
    await logged_in(site, home)
    await logged_in(site, home, "auditor", "--name", "audit")
    assert json.loads((await run_command("whoami", "--json", XDG_CONFIG_HOME=home)).out)["name"] == "auditor"
    chosen = await run_command("--profile", "default", "whoami", "--json", XDG_CONFIG_HOME=home)
    assert json.loads(chosen.out)["name"] == "operator"
    assert (await run_command("profile", "use", "default", XDG_CONFIG_HOME=home)).status == 0
    assert json.loads((await run_command("whoami", "--json", XDG_CONFIG_HOME=home)).out)["name"] == "operator"
    assert (await run_command("logout", XDG_CONFIG_HOME=home)).status == 0
    names = [
        profile["name"]
        for profile in json.loads((await run_command("profile", "list", "--json", XDG_CONFIG_HOME=home)).out)
    ]
    assert names == ["audit"]
    missing = await run_command("--profile", "default", "whoami", XDG_CONFIG_HOME=home)
    assert "there is no profile 'default'; there are: audit" in missing.err


async def test_a_dry_run_says_what_would_be_and_does_nothing(site: Site, fibrix: Command) -> None:
    machine = await site.put("web-1")
    told = await fibrix("machine", "retire", "web-1", "--dry-run")
    assert told.status == 0
    assert "Ready → Retired" in told.out
    assert "nothing was done" in told.out
    assert site.rig.region.machine(machine.id).state is State.READY
    refused = await fibrix("machine", "release", "nobody", "--dry-run")
    assert refused.status == 6


async def test_programs_get_a_line_an_item_or_ids_alone(site: Site, fibrix: Command) -> None:
    for name in ("web-1", "web-2"):
        await site.put(name)
    lines = (await fibrix("machine", "list", "--jsonl")).out.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["web-1", "web-2"]
    assert (await fibrix("machine", "list", "-q")).out.split() == ["m000000001", "m000000002"]
    assert (await fibrix("machine", "show", "web-2", "--quiet")).out == "m000000002\n"


async def test_exit_statuses_tell_refusals_apart(site: Site, fibrix: Command) -> None:
    await site.put("web-1")
    assert (await fibrix("machine", "show", "nobody")).status == 6
    assert (await fibrix("machine", "abort", "web-1")).status == 7
    assert (await fibrix("machine", "retire", "web-1", FIBRIX_KEY=key_of("auditor"))).status == 5


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_every_shell_gets_its_completion(shell: str) -> None:
    assert "_FIBRIX_COMPLETE" in (await run_command("completion", shell)).out


async def test_machines_are_completed_with_the_names_of_now(site: Site, fibrix: Command) -> None:
    for name in ("web-1", "web-2", "db-1"):
        await site.put(name)
    words = f"fibrix --state-dir {site.state_dir} machine show we"
    told = await fibrix(COMP_WORDS=words, COMP_CWORD="5", _FIBRIX_COMPLETE="bash_complete")
    assert told.out.split() == ["plain,web-1", "plain,web-2"]
    unreachable = "fibrix --url http://127.0.0.1:9 machine show we"
    told = await run_command(COMP_WORDS=unreachable, COMP_CWORD="5", _FIBRIX_COMPLETE="bash_complete")
    assert told.out.strip() == ""
    assert told.err == ""
