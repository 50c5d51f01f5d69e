"""`fibrix dhcp` and `fibrix ip`: leases, how full subnets are, who holds an address."""

from typing import Any

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import MACHINE, SUBNET
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, emit, facts, table
from fibrix.cli.traffic import dhcp_stats


@click.group(cls=FibrixGroup)
def dhcp() -> None:
    """Show leases, how full subnets are, and how DHCP goes."""


dhcp.add_command(dhcp_stats)


@click.group(cls=FibrixGroup)
def ip() -> None:
    """Tell who holds an address."""


@dhcp.command("leases")
@click.option("--subnet", type=SUBNET, default="")
@click.option("--mac", default="")
@click.option("--address", default="")
@click.option("--state", type=click.Choice(["bound", "released", "declined", "expired"]), default=None)
@click.option("--hostname", default="")
@click.option("--machine", type=MACHINE, default="", help="Its id or name.")
@pass_settings
def leases(settings: Settings, /, **options: Any) -> None:
    """List leases; those that ended too, unless --state bound."""
    found = settings.items("leases", **{name: value for name, value in options.items() if value})
    rows = [
        (e["address"], e["mac"], e["state"], ago(e["expires_at"]), e["machine_name"] or e["hostname"], e["subnet"])
        for e in found
    ]
    columns = ("ADDRESS", "MAC", "STATE", "ENDS", "WHO", "SUBNET")
    emit(settings, found, lambda: table(columns, rows, empty="no leases"))


@dhcp.command("subnets")
@pass_settings
def subnets(settings: Settings) -> None:
    """List the ranges of all served subnets, with how full they are."""
    found = [one for one in settings.items("subnets") if one["use"]]
    rows = [
        (
            s["name"],
            f"{r['first']} to {r['last']}",
            r["addresses"],
            r["leased"],
            r["declined"],
            r["reserved"],
            r["free"],
        )
        for s in found
        for r in s["use"]["ranges"]
    ]
    columns = ("SUBNET", "RANGE", "ADDRESSES", "LEASED", "IN QUARANTINE", "RESERVED", "FREE")
    emit(settings, found, lambda: table(columns, rows, empty="no subnet is served with a range"))


@ip.command("show")
@click.argument("address")
@pass_settings
def show_address(settings: Settings, address: str) -> None:
    """Tell all that keeps ADDRESS from being free."""
    shown = settings.client().get(f"addresses/{address}")
    emit(settings, shown, lambda: _print(shown))


def _print(shown: dict[str, Any]) -> None:
    state = "free" if shown["free"] else "in none of the subnets" if not shown["subnet"] else "not free"
    holders = [_holder(one) for one in shown["holders"]]
    facts((("address", shown["address"]), ("subnet", shown["subnet"]), ("state", state), ("why", "\n".join(holders))))


def _holder(one: dict[str, Any]) -> str:
    until = f", ends {ago(one['until'])}" if one["until"] else ""
    return f"{one['kind']}: {one['detail']}{until}"
