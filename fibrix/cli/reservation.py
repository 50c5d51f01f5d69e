"""`fibrix reservation`: addresses that are kept for one client each."""

from typing import Any

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import SUBNET
from fibrix.cli.network_options import given_options
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, table

_ID = "id:"


@click.group(cls=FibrixGroup)
def reservation() -> None:
    """Keep addresses for clients. CLIENT is a MAC, or `id:` and the hex digits of a client identifier."""


@reservation.command("list")
@click.argument("subnet", type=SUBNET)
@pass_settings
def list_reservations(settings: Settings, subnet: str) -> None:
    """List a subnet's reservations."""
    found = settings.items(f"subnets/{subnet}/reservations")
    rows = [(r["client"], r["address"], r["hostname"], _options(r)) for r in found]
    empty = f"no reservations: `fibrix reservation add {subnet} CLIENT`"
    emit(settings, found, lambda: table(("CLIENT", "ADDRESS", "HOSTNAME", "OPTIONS"), rows, empty=empty))


@reservation.command("add", changes=True)
@click.argument("subnet", metavar="SUBNET", type=SUBNET)
@click.argument("client")
@click.argument("address", default="")
@click.option("--inside", is_flag=True, help="Without ADDRESS: the next free one of a dynamic range, not outside.")
@click.option("--hostname", default="", help="The name that the client is told.")
@click.option("--option", "dhcp_option", multiple=True, metavar="CODE=HEX", help="A DHCP option; may be repeated.")
@pass_settings
def add_reservation(
    settings: Settings,
    subnet: str,
    client: str,
    address: str,
    *,
    inside: bool,
    hostname: str,
    dhcp_option: tuple[str, ...],
) -> None:
    """Keep an address for a client: it always gets it, and nobody else ever does. No ADDRESS: the next free one."""
    whose = {"client_id": client.removeprefix(_ID)} if client.startswith(_ID) else {"mac": client}
    body = whose | {"address": address, "hostname": hostname, "where": "inside" if inside else "outside"}
    made = settings.client().post(f"subnets/{subnet}/reservations", body | given_options(dhcp_option))
    emit(settings, made, lambda: click.echo(f"{made['address']} is kept for {made['client']}"))


@reservation.command("edit", changes=True)
@click.argument("subnet", type=SUBNET)
@click.argument("client")
@click.option("--address")
@click.option("--hostname")
@click.option("--option", "dhcp_option", multiple=True, metavar="CODE=HEX", help="All of them; one empty word: none.")
@pass_settings
def edit_reservation(settings: Settings, /, subnet: str, client: str, **options: Any) -> None:
    """Change what is kept for a client."""
    body = {name: options[name] for name in ("address", "hostname") if options[name] is not None}
    body |= given_options(options["dhcp_option"])
    if not body:
        raise click.UsageError("nothing to change: give at least one option")
    path, caller = f"subnets/{subnet}/reservations/{client}", settings.client()
    changed = caller.patch(path, body, version=caller.call("GET", path).headers["etag"])
    emit(settings, changed, lambda: click.echo(f"{changed['address']} is kept for {changed['client']}"))


@reservation.command("delete", changes=True)
@click.argument("subnet", metavar="SUBNET", type=SUBNET)
@click.argument("client")
@pass_settings
def delete_reservation(settings: Settings, subnet: str, client: str) -> None:
    """Give a reserved address back."""
    settings.client().delete(f"subnets/{subnet}/reservations/{client}")
    emit(settings, None, lambda: click.echo(f"{client} has no reservation any more"))


def _options(shown: dict[str, Any]) -> str:
    return ", ".join(f"{one['code']}={one['value']}" for one in shown["options"])
