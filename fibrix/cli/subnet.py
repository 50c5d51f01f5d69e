"""`fibrix subnet`: subnets, whoever declared them."""

from typing import Any

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import SUBNET
from fibrix.cli.network_options import given_subnet, subnet_options
from fibrix.cli.reservation import add_reservation, delete_reservation
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, facts, table


@click.group(cls=FibrixGroup)
def subnet() -> None:
    """List, make, change and delete subnets. Those of the configuration file are changed there only."""


@subnet.command("list")
@pass_settings
def list_subnets(settings: Settings) -> None:
    """List subnets."""
    found = settings.items("subnets")
    rows = [
        (s["name"], s["network"], s["interface"], s["mode"], use_of(s), len(s["reservations"]), s["source"], s["fault"])
        for s in found
    ]
    columns = ("NAME", "NETWORK", "INTERFACE", "MODE", "LEASED", "RESERVED", "SOURCE", "FAULT")
    emit(settings, found, lambda: table(columns, rows, empty="no subnets: make one with `fibrix subnet add NAME`"))


@subnet.command("show")
@click.argument("name", type=SUBNET)
@pass_settings
def show_subnet(settings: Settings, name: str) -> None:
    """Show a subnet with its ranges and reservations."""
    shown = settings.client().get(f"subnets/{name}")
    emit(settings, shown, lambda: _print(shown))


@subnet.command("add", changes=True)
@click.argument("name")
@click.option("--range", "ranges", multiple=True, metavar="FIRST-LAST", help="A dynamic range; may be repeated.")
@subnet_options
@pass_settings
def add_subnet(settings: Settings, /, name: str, *, ranges: tuple[str, ...], **options: Any) -> None:
    """Make a subnet; it is served at once. Its name is for life."""
    body = {"name": name} | given_subnet(options) | ({"ranges": [_span(one) for one in ranges]} if ranges else {})
    if "address" not in body:
        raise click.UsageError("say the controller's own address: --address 10.20.0.1/24")
    made = settings.client().post("subnets", body)
    emit(settings, made, lambda: click.echo(f"{made['name']} is made: {made['network']}, {made['mode']}"))


@subnet.command("edit", changes=True)
@click.argument("name", type=SUBNET)
@subnet_options
@pass_settings
def edit_subnet(settings: Settings, /, name: str, **options: Any) -> None:
    """Change a subnet; a list is said whole. Ranges: `fibrix range`."""
    body = given_subnet(options)
    if not body:
        raise click.UsageError("nothing to change: give at least one option")
    client = settings.client()
    read = client.call("GET", f"subnets/{name}")
    changed = client.patch(f"subnets/{name}", body, version=read.headers["etag"])
    emit(settings, changed, lambda: click.echo(f"{changed['name']} is changed"))


@subnet.command("delete", changes=True)
@click.argument("name", type=SUBNET)
@click.option("--force", is_flag=True, help="Even if machines, leases or reservations are in it; the latter go too.")
@pass_settings
def delete_subnet(settings: Settings, name: str, *, force: bool) -> None:
    """Remove a subnet that nothing is in."""
    client = settings.client()
    client.call("DELETE", f"subnets/{name}", query={"force": "true"} if force else {})
    emit(settings, None, lambda: click.echo(f"{name} is gone"))


@subnet.command("next")
@click.argument("name", type=SUBNET)
@click.option("--inside", is_flag=True, help="Of a dynamic range; else outside of all.")
@pass_settings
def next_address(settings: Settings, name: str, *, inside: bool) -> None:
    """Tell the next free address; it is not kept for anybody by that."""
    found = settings.client().get(f"subnets/{name}/next-address", where="inside" if inside else "outside")
    emit(settings, found, lambda: click.echo(found["address"]))


subnet.add_command(add_reservation, "reserve")
subnet.add_command(delete_reservation, "unreserve")


def use_of(shown: dict[str, Any]) -> str:
    """Write how full a subnet or a range is."""
    use = shown["use"]
    return f"{use['leased']} of {use['addresses']}" if use else ""


def _span(text: str) -> dict[str, str]:
    first, _, last = text.partition("-")
    return {"first": first, "last": last or first}


def _print(shown: dict[str, Any]) -> None:
    options = "\n".join(f"{one['code']} = {one['value']}" for one in shown["options"])
    reserved = [f"{r['first']} to {r['last']}  {r['note']}" for r in shown["reserved"]]
    kept = [f"{r['address']}  {r['client']}  {r['hostname']}" for r in shown["reservations"]]
    facts(
        (
            ("name", shown["name"]),
            ("declared by", "the configuration file" if shown["source"] == "file" else "the API"),
            ("not served", shown["fault"]),
            ("network", shown["network"]),
            ("interface", f"{shown['interface']}, {shown['address']}{', relayed' if shown['relayed'] else ''}"),
            ("VLAN", shown["vlan"]),
            ("mode", f"{shown['mode']}, unknown machines: {shown['unknown']}"),
            ("ranges", "\n".join(f"{r['first']} to {r['last']}" for r in shown["ranges"])),
            ("not given out", "\n".join(reserved)),
            ("leased", use_of(shown)),
            ("routers", ", ".join(shown["routers"])),
            ("routes", "\n".join(f"{r['destination']} by {r['router']}" for r in shown["routes"])),
            ("DNS servers", ", ".join(shown["dns_servers"])),
            ("NTP servers", ", ".join(shown["ntp_servers"])),
            ("domain", shown["domain_name"]),
            ("search", ", ".join(shown["search_domains"])),
            ("options", options),
            ("MTU", shown["mtu"] or ""),
            ("lease", f"{shown['lease_s']} s"),
            ("note", shown["note"]),
            ("reserved", "\n".join(kept)),
        )
    )
