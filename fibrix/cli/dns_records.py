"""`fibrix dns records` and `fibrix dns record`: what is in a zone."""

from typing import Any

import click

from fibrix.cli.groups import FibrixCommand, FibrixGroup
from fibrix.cli.names import DNS_ZONE
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, table
from fibrix.errors import ClientError


@click.command("records", cls=FibrixCommand)
@click.argument("zone", type=DNS_ZONE)
@click.option("--filter", "wanted", default="", help="Conditions, as `type=A` or `source=machine` (docs/lists.md).")
@pass_settings
def records(settings: Settings, zone: str, *, wanted: str) -> None:
    """List all records of a zone; those that people added have an id."""
    found = settings.items(f"dns/zones/{zone}/records", filter=wanted)
    rows = [(r["name"], r["ttl"], r["type"], r["value"], r["source"], r["id"]) for r in found]
    columns = ("NAME", "TTL", "TYPE", "VALUE", "FROM", "ID")
    emit(settings, found, lambda: table(columns, rows, empty="no records"))


@click.group("record", cls=FibrixGroup)
def record() -> None:
    """Add records to zones, replace and delete them."""


@record.command("add", changes=True)
@click.argument("zone", type=DNS_ZONE)
@click.argument("name")
@click.argument("kind", metavar="TYPE")
@click.argument("value", nargs=-1, required=True)
@click.option("--ttl", type=int, metavar="SECONDS", help="Else it is the zone's.")
@pass_settings
def add_record(
    settings: Settings, /, zone: str, name: str, kind: str, value: tuple[str, ...], *, ttl: int | None
) -> None:
    """Add a record: NAME is whole or below the zone, `@` is the zone. `record add rack.example www A 192.0.2.80`."""
    body = {"name": name, "type": kind, "value": " ".join(value), "ttl": ttl}
    made = settings.client().post(f"dns/zones/{zone}/records", body)
    emit(settings, made, lambda: click.echo(f"{_line(made)} is there: {made['id']}"))


@record.command("replace", changes=True)
@click.argument("zone", type=DNS_ZONE)
@click.argument("key", metavar="RECORD")
@click.argument("value", nargs=-1, required=True)
@click.option("--ttl", type=int, metavar="SECONDS", help="Else it stays.")
@pass_settings
def replace_record(settings: Settings, /, zone: str, key: str, value: tuple[str, ...], *, ttl: int | None) -> None:
    """Put another value in the place of that of RECORD, an id."""
    client, path = settings.client(), f"dns/zones/{zone}/records/{key}"
    answer = client.call("GET", path)
    known = answer.value()
    body = {"name": known["name"], "type": known["type"], "ttl": known["ttl"] if ttl is None else ttl}
    headers = {"If-Match": answer.headers.get("etag", "*")}
    made = client.call("PUT", path, body | {"value": " ".join(value)}, headers=headers).value()
    emit(settings, made, lambda: click.echo(f"{_line(made)} is there"))


@record.command("delete", changes=True)
@click.argument("zone", type=DNS_ZONE)
@click.argument("key", metavar="RECORD|NAME")
@click.argument("kind", metavar="[TYPE]", required=False)
@pass_settings
def delete_record(settings: Settings, zone: str, key: str, kind: str | None) -> None:
    """Delete a record by its id, or all that were added at NAME, of TYPE where it is given."""
    client = settings.client()
    chosen = _chosen(settings, zone, key, (kind or "").upper())
    for one in chosen:
        client.delete(f"dns/zones/{zone}/records/{one['id']}")
    emit(settings, None, lambda: click.echo("\n".join(f"{_line(one)} is gone" for one in chosen)))


def _chosen(settings: Settings, zone: str, key: str, kind: str) -> list[dict[str, Any]]:
    """Find added records by id or name. Raises ClientError: there is none."""
    added = [one for one in settings.items(f"dns/zones/{zone}/records") if one["id"]]
    name = key.lower().removesuffix(".")
    names = {zone} if name == "@" else {name, f"{name}.{zone}"}
    found = [one for one in added if one["id"] == key or (one["name"] in names and kind in {"", one["type"]})]
    if not found:
        raise ClientError(f"nothing was added to {zone} at {key!r}: see `fibrix dns records {zone}`", status=404)
    return found


def _line(one: dict[str, Any]) -> str:
    return f"{one['name']} {one['type']} {one['value']}"
