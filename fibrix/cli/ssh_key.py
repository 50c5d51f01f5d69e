"""`fibrix ssh-key`: public keys that machines are given."""

from typing import TextIO

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, emit, table


@click.group("ssh-key", cls=FibrixGroup)
def ssh_key() -> None:
    """List, add and delete SSH keys."""


@ssh_key.command("list")
@pass_settings
def list_keys(settings: Settings) -> None:
    """List SSH keys."""
    found = settings.items("ssh-keys")
    rows = [(k["name"], k["key"].split()[0], k["fingerprint"], ago(k["created_at"])) for k in found]
    empty = "no SSH keys: add one with `fibrix ssh-key add NAME FILE.pub`"
    emit(settings, found, lambda: table(("NAME", "TYPE", "FINGERPRINT", "ADDED"), rows, empty=empty))


@ssh_key.command("add", changes=True)
@click.argument("name")
@click.argument("file", type=click.File("r"))
@pass_settings
def add_key(settings: Settings, name: str, file: TextIO) -> None:
    """Store the public key in FILE (- for stdin) under a name."""
    added = settings.client().post("ssh-keys", {"name": name, "key": file.read()})
    emit(settings, added, lambda: click.echo(f"{added['name']} is stored: {added['fingerprint']}"))


@ssh_key.command("delete", changes=True)
@click.argument("name")
@pass_settings
def delete_key(settings: Settings, name: str) -> None:
    """Forget a key; machines that have it keep it."""
    settings.client().delete(f"ssh-keys/{name}")
    emit(settings, None, lambda: click.echo(f"{name} is forgotten"))
