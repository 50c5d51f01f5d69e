"""Users, tenants, API keys and SSH keys on the command line."""

import json
from pathlib import Path

from fibrix.domain.account import User
from tests.cli.conftest import Command
from tests.support.site import Site

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB3WivSGCR8s7oMfjCuJ4KmnvG85FUV77EvQSPHfE3Sp"


async def test_a_users_life(fibrix: Command, site: Site) -> None:
    assert (await fibrix("user", "add", "ann", "--role", "operator")).out == "ann (operator) is made\n"
    password = ("--password-file", "-")
    done = await fibrix("user", "passwd", "ann", *password, stdin=b"correct horse battery\n")
    assert (done.status, done.out) == (0, "ann has a new password\n")
    ann = site.rig.region.of(User).by_key("ann")
    assert ann is not None
    assert ann.password_hash
    assert "password or key" in (await fibrix("user", "list")).out
    assert (await fibrix("user", "edit", "ann", "--role", "tenant", "--tenant", "acme")).status == 0
    shown = json.loads((await fibrix("user", "show", "ann", "--json")).out)
    assert (shown["role"], shown["keys"]) == ("tenant", [])
    assert (await fibrix("user", "edit", "ann")).status == 2
    assert (await fibrix("user", "edit", "ann", "--disable")).status == 0
    assert "disabled" in (await fibrix("user", "show", "ann")).out
    assert (await fibrix("user", "passwd", "ann", "--none")).out == "ann has no password\n"
    assert (await fibrix("user", "delete", "ann", "--dry-run")).status == 0
    assert (await fibrix("user", "delete", "ann")).out == "ann is gone\n"
    assert (await fibrix("user", "show", "ann")).status == 6


async def test_a_password_is_never_asked_for_where_nobody_sits(fibrix: Command) -> None:
    ended = await fibrix("user", "passwd", "operator")
    assert ended.status == 2
    assert "--password-file" in ended.err
    refused = await fibrix("user", "passwd", "operator", "--password-file", "-", stdin=b"short\n")
    assert (refused.status, "10 to 1024" in refused.err) == (1, True)
    assert (await fibrix("user", "delete", "admin")).status == 7


async def test_a_tenants_life(fibrix: Command) -> None:
    made = await fibrix("tenant", "add", "initech", "--title", "Initech", "--machines", "4", "--memory", "64G")
    assert made.status == 0, made.err
    assert "0 of 4" in (await fibrix("tenant", "list")).out
    assert (await fibrix("tenant", "edit", "initech", "--machines", "unlimited", "--pool", "fast")).status == 0
    shown = json.loads((await fibrix("tenant", "show", "initech", "--json")).out)
    assert (shown["quota"]["machines"], shown["quota"]["memory_bytes"]) == (None, 64 << 30)
    assert (shown["title"], shown["pools"]) == ("Initech", ["fast"])
    assert "0 B of 64 GiB" in (await fibrix("tenant", "show", "initech")).out
    assert (await fibrix("tenant", "edit", "initech", "--memory", "much")).status == 2
    assert (await fibrix("tenant", "delete", "initech")).out == "initech is gone\n"


async def test_an_api_key_is_printed_once_or_goes_into_a_file_of_its_owner(fibrix: Command, tmp_path: Path) -> None:
    printed = (await fibrix("api-key", "add", "billing", "--scope", "read", "--expires", "90d")).out.strip()
    assert printed.startswith("fibrix_")
    listed = await fibrix("api-key", "list")
    assert printed not in listed.out
    assert "billing" in listed.out
    path = tmp_path / "exporter.key"
    made = await fibrix("api-key", "add", "exporter", "--to", str(path), "--user", "auditor")
    assert (made.status, made.err) == (0, "")
    assert path.stat().st_mode & 0o777 == 0o600
    whoami = await fibrix("--key-file", str(path), "whoami", "--json")
    assert json.loads(whoami.out)["name"] == "auditor"
    assert (await fibrix("api-key", "add", "again", "--to", str(path))).status == 2
    other = tmp_path / "other.key"
    assert (await fibrix("api-key", "add", "exporter", "--to", str(other), "--user", "auditor")).status == 7
    assert not other.exists()
    assert (await fibrix("api-key", "revoke", "exporter", "--user", "auditor")).status == 0
    assert (await fibrix("--key-file", str(path), "whoami")).status == 4
    assert (await fibrix("api-key", "add", "x", "--expires", "soon")).status == 2


async def test_a_file_of_ssh_keys_is_imported_and_faulty_lines_are_told(fibrix: Command) -> None:
    good = await fibrix("ssh-key", "import", "-", "--tenant", "acme", stdin=f"{ED25519} ann@laptop\n".encode())
    assert good.out.startswith("ann@laptop is stored: SHA256:")
    assert "ann@laptop" in (await fibrix("ssh-key", "list", "--tenant", "acme")).out
    assert "ann@laptop" not in (await fibrix("ssh-key", "list")).out
    bad = await fibrix("ssh-key", "import", "-", stdin=b"ssh-rsa nonsense\n\nssh-foo AAAA\n")
    assert bad.status == 1
    assert "line 1:" in bad.err
    assert "line 3:" in bad.err
    assert (await fibrix("ssh-key", "delete", "ann@laptop", "--tenant", "acme")).status == 0
