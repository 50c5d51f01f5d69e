"""`fibrix dns`: zones, and what is answered."""

from collections.abc import Sequence
from typing import Any

import click

from fibrix.cli.dns_keys import keys
from fibrix.cli.dns_records import record, records
from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import DNS_ZONE
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, facts, table
from fibrix.cli.traffic import dns_stats

_TIMES = ("ttl", "refresh_s", "retry_s", "expire_s", "negative_s")


@click.group(cls=FibrixGroup)
def dns() -> None:
    """Zones, their records, keys for secondaries, and what is answered."""


@dns.group("zone")
def zone() -> None:
    """Add, show, edit and delete zones."""


dns.add_command(records)
dns.add_command(record)
dns.add_command(keys)
dns.add_command(dns_stats)


def _fields(command: Any) -> Any:
    """Add the options that say how a zone is."""
    for option in (
        click.option("--secondary", "secondaries", multiple=True, metavar="ADDRESS[:PORT][/KEY]", help="Repeatable."),
        click.option("--name-server", "name_servers", multiple=True, metavar="HOST", help="Repeatable."),
        click.option("--primary", metavar="HOST", help="The first name server; empty: ns in the zone."),
        click.option("--mailbox", metavar="ADDRESS", help="Who answers for the zone; empty: hostmaster in it."),
        *(click.option(f"--{name.replace('_s', '')}", name, type=int, metavar="SECONDS") for name in _TIMES),
    ):
        command = option(command)
    return command


@dns.command("zones")
@pass_settings
def list_zones(settings: Settings) -> None:
    """List zones, those too that are there by themselves."""
    found = settings.items("dns/zones")
    rows = [(z["name"], z["kind"], _origin(z), ", ".join(z["subnets"]), _secondaries(z)) for z in found]
    empty = "no zones: add one with `fibrix dns zone add NAME`"
    emit(settings, found, lambda: table(("NAME", "KIND", "FROM", "SUBNETS", "SECONDARIES"), rows, empty=empty))


@zone.command("show")
@click.argument("name", metavar="ZONE", type=DNS_ZONE)
@pass_settings
def show_zone(settings: Settings, name: str) -> None:
    """Show a zone, and how it is served."""
    client = settings.client()
    shown = client.get(f"dns/zones/{name}")
    status = client.get(f"dns/zones/{name}/status")
    emit(settings, shown | {"status": status}, lambda: _print(shown, status))


@zone.command("add", changes=True)
@click.argument("name", metavar="ZONE")
@_fields
@pass_settings
def add_zone(settings: Settings, /, name: str, **given: Any) -> None:
    """Declare a zone."""
    made = settings.client().post("dns/zones", {"name": name} | _body(given))
    emit(settings, made, lambda: click.echo(f"{made['name']} is there"))


@zone.command("edit", changes=True)
@click.argument("name", metavar="ZONE", type=DNS_ZONE)
@_fields
@pass_settings
def edit_zone(settings: Settings, /, name: str, **given: Any) -> None:
    """Change a zone; what is not given stays. --secondary '' and --name-server '' take all of them away."""
    body = _body(given)
    if not body:
        raise click.UsageError("nothing to change: give at least one option")
    client = settings.client()
    version = client.call("GET", f"dns/zones/{name}").headers.get("etag", "*")
    changed = client.patch(f"dns/zones/{name}", body, version=version)
    emit(settings, changed, lambda: click.echo(f"{name} is changed"))


@zone.command("delete", changes=True)
@click.argument("name", metavar="ZONE", type=DNS_ZONE)
@pass_settings
def delete_zone(settings: Settings, name: str) -> None:
    """Delete a zone with all records that were added to it."""
    settings.client().delete(f"dns/zones/{name}")
    emit(settings, None, lambda: click.echo(f"{name} is gone"))


@dns.command("lookup")
@click.argument("name")
@click.argument("kind", metavar="[TYPE]", default="A")
@pass_settings
def lookup(settings: Settings, name: str, kind: str) -> None:
    """Say what the zones here answer; nobody else is asked."""
    found = settings.client().get("dns/lookup", name=name, type=kind)
    rows = [(r["name"], r["ttl"], r["type"], r["value"]) for r in found["records"] or found["authority"]]
    words = f"{found['outcome']}{', zone ' + found['zone'] if found['zone'] else ''}"
    columns = ("NAME", "TTL", "TYPE", "VALUE")

    def people() -> None:
        click.echo(words)
        if rows:
            table(columns, rows, empty="")

    emit(settings, found, people)


def _body(given: dict[str, Any]) -> dict[str, Any]:
    """Make the fields of a body out of the options that were given."""
    names = (*_TIMES, "primary", "mailbox")
    body = {name: given[name] for name in names if given[name] is not None}
    if given["name_servers"]:
        body["name_servers"] = [host for host in given["name_servers"] if host]
    if given["secondaries"]:
        body["secondaries"] = [_secondary(text) for text in given["secondaries"] if text]
    return body


def _secondary(text: str) -> dict[str, Any]:
    """Read ADDRESS[:PORT][/KEY]."""
    place, _, key = text.partition("/")
    address, colon, port = place.partition(":")
    if colon and not port.isdecimal():
        raise click.UsageError(f"{text!r}: write a secondary as ADDRESS, ADDRESS:PORT or ADDRESS:PORT/KEY")
    return {"address": address, "key": key} | ({"port": int(port)} if port else {})


def _origin(shown: dict[str, Any]) -> str:
    return "its subnets" if shown["automatic"] else "declared"


def _secondaries(shown: dict[str, Any]) -> str:
    parts: Sequence[str] = [
        f"{one['address']}{'' if one['port'] == 53 else ':' + str(one['port'])}{'/' + one['key'] if one['key'] else ''}"  # noqa: PLR2004
        for one in shown["secondaries"]
    ]
    return ", ".join(parts)


def _print(shown: dict[str, Any], status: dict[str, Any]) -> None:
    times = " ".join(f"{name.removesuffix('_s')} {shown[name]} s" for name in _TIMES)
    facts(
        (
            ("name", shown["name"]),
            ("kind", f"{shown['kind']}, from {_origin(shown)}"),
            ("subnets", ", ".join(shown["subnets"])),
            ("primary", status["primary"]),
            ("mailbox", status["mailbox"]),
            ("name servers", ", ".join(status["name_servers"])),
            ("secondaries", _secondaries(shown)),
            ("times", times),
            ("serial", status["serial"]),
            ("holds", f"{status['records']} records at {status['names']} names"),
            ("changes kept", status["changes"]),
        )
    )
