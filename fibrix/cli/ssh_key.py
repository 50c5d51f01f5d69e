"""`fibrix ssh-key`: public keys that machines are given."""

from typing import Any, TextIO

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import SSH_KEY, TENANT
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, emit, table

tenant_option = click.option("--tenant", type=TENANT, default="", help="Whose; for operators, who have the region's.")


@click.group("ssh-key", cls=FibrixGroup)
def ssh_key() -> None:
    """List, add, import and delete SSH keys."""


@ssh_key.command("list")
@tenant_option
@pass_settings
def list_keys(settings: Settings, *, tenant: str) -> None:
    """List SSH keys."""
    found = settings.items("ssh-keys", tenant=tenant)
    rows = [(k["name"], k["key"].split()[0], k["fingerprint"], ago(k["created_at"])) for k in found]
    empty = "no SSH keys: add one with `fibrix ssh-key add NAME FILE.pub`"
    emit(settings, found, lambda: table(("NAME", "TYPE", "FINGERPRINT", "ADDED"), rows, empty=empty))


@ssh_key.command("add", changes=True)
@click.argument("name")
@click.argument("file", type=click.File("r"))
@tenant_option
@pass_settings
def add_key(settings: Settings, name: str, file: TextIO, *, tenant: str) -> None:
    """Store the public key in FILE (- for stdin) under a name."""
    added = _post(settings, "ssh-keys", {"name": name, "key": file.read()}, tenant)
    emit(settings, added, lambda: click.echo(f"{added['name']} is stored: {added['fingerprint']}"))


@ssh_key.command("import", changes=True)
@click.argument("file", type=click.File("r"))
@tenant_option
@pass_settings
def import_keys(settings: Settings, file: TextIO, *, tenant: str) -> None:
    """Store all keys of FILE (authorized_keys, - for stdin) under the names that their comments give, or none."""
    done = _post(settings, "ssh-key-imports", {"text": file.read()}, tenant)
    emit(settings, done, lambda: _print(done))


@ssh_key.command("delete", changes=True)
@click.argument("name", type=SSH_KEY)
@tenant_option
@pass_settings
def delete_key(settings: Settings, name: str, *, tenant: str) -> None:
    """Forget a key; machines that have it keep it."""
    settings.client().call("DELETE", f"ssh-keys/{name}", query={"tenant": tenant})
    emit(settings, None, lambda: click.echo(f"{name} is forgotten"))


def _post(settings: Settings, path: str, body: dict[str, Any], tenant: str) -> dict[str, Any]:
    answer: dict[str, Any] = settings.client().call("POST", path, body, query={"tenant": tenant}).value()
    return answer


def _print(done: dict[str, Any]) -> None:
    for key in done["added"]:
        click.echo(f"{key['name']} is stored: {key['fingerprint']}")
    for name in done["present"]:
        click.echo(f"{name} was there already")
