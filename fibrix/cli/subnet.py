"""`fibrix subnet`: subnets and reserved addresses."""

from typing import Any

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, facts, table


@click.group(cls=FibrixGroup)
def subnet() -> None:
    """List and show subnets, reserve addresses. Subnets themselves are in the configuration file."""


@subnet.command("list")
@pass_settings
def list_subnets(settings: Settings) -> None:
    """List subnets."""
    found = settings.items("subnets")
    rows = [(s["name"], s["network"], s["interface"], s["mode"], _use(s), len(s["reservations"])) for s in found]
    columns = ("NAME", "NETWORK", "INTERFACE", "MODE", "LEASED", "RESERVED")
    emit(settings, found, lambda: table(columns, rows, empty="no subnets: add [[subnets]] to the configuration file"))


@subnet.command("show")
@click.argument("name")
@pass_settings
def show_subnet(settings: Settings, name: str) -> None:
    """Show a subnet with its reservations."""
    shown = settings.client().get(f"subnets/{name}")
    emit(settings, shown, lambda: _print(shown))


@subnet.command("reserve", changes=True)
@click.argument("name", metavar="SUBNET")
@click.argument("mac")
@click.argument("address")
@click.option("--hostname", default="", help="The name that the client is told.")
@pass_settings
def reserve(settings: Settings, name: str, mac: str, address: str, *, hostname: str) -> None:
    """Keep an address for a MAC: it always gets it, and nobody else ever does."""
    body = {"mac": mac, "address": address, "hostname": hostname}
    made = settings.client().post(f"subnets/{name}/reservations", body)
    emit(settings, made, lambda: click.echo(f"{made['address']} is kept for {made['mac']}"))


@subnet.command("unreserve", changes=True)
@click.argument("name", metavar="SUBNET")
@click.argument("mac")
@pass_settings
def unreserve(settings: Settings, name: str, mac: str) -> None:
    """Give a reserved address back."""
    settings.client().delete(f"subnets/{name}/reservations/{mac}")
    emit(settings, None, lambda: click.echo(f"{mac} has no reservation any more"))


def _use(shown: dict[str, Any]) -> str:
    use = shown["use"]
    return f"{use['leased']} of {use['addresses']}" if use else ""


def _print(shown: dict[str, Any]) -> None:
    facts(
        (
            ("name", shown["name"]),
            ("network", shown["network"]),
            ("interface", f"{shown['interface']}, {shown['address']}"),
            ("mode", f"{shown['mode']}, unknown machines: {shown['unknown']}"),
            ("ranges", "\n".join(f"{r['first']} to {r['last']}" for r in shown["ranges"])),
            ("leased", _use(shown)),
            ("routers", ", ".join(shown["routers"])),
            ("DNS servers", ", ".join(shown["dns_servers"])),
            ("domain", shown["domain_name"]),
            ("lease", f"{shown['lease_s']} s"),
            ("reserved", "\n".join(f"{r['address']}  {r['mac']}  {r['hostname']}" for r in shown["reservations"])),
        )
    )
