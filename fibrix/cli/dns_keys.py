"""`fibrix dns keys`: TSIG keys, that secondaries sign with."""

from typing import TextIO

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import DNS_KEY
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, emit, table


@click.group("keys", cls=FibrixGroup)
def keys() -> None:
    """List, add and delete TSIG keys, that secondaries sign with."""


@keys.command("list")
@pass_settings
def list_keys(settings: Settings) -> None:
    """List keys, without their secrets."""
    found = settings.items("dns/keys")
    rows = [(key["name"], key["algorithm"], ago(key["created_at"])) for key in found]
    empty = "no keys: make one with `fibrix dns keys add NAME`"
    emit(settings, found, lambda: table(("NAME", "ALGORITHM", "MADE"), rows, empty=empty))


@keys.command("add", changes=True)
@click.argument("name")
@click.option("--algorithm", default="hmac-sha256", show_default=True)
@click.option("--secret-file", type=click.File(), help="Base64 of a secret that you have; - is standard input.")
@pass_settings
def add_key(settings: Settings, name: str, *, algorithm: str, secret_file: TextIO | None) -> None:
    """Store a key; its secret is made where none is given, and shown this once."""
    secret = secret_file.read().strip() if secret_file else ""
    made = settings.client().post("dns/keys", {"name": name, "algorithm": algorithm, "secret": secret})
    emit(settings, made, lambda: click.echo(f"secret (shown this once): {made['secret']}"))


@keys.command("delete", changes=True)
@click.argument("name", metavar="KEY", type=DNS_KEY)
@pass_settings
def delete_key(settings: Settings, name: str) -> None:
    """Forget a key. Not while a secondary signs with it."""
    settings.client().delete(f"dns/keys/{name}")
    emit(settings, None, lambda: click.echo(f"{name} is gone"))
