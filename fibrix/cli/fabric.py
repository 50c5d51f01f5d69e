"""`fibrix fabric`, `vlan`, `zone` and `range`: what subnets and machines are in."""

from typing import Any

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import FABRIC, SUBNET, VLAN, ZONE
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, table
from fibrix.cli.subnet import use_of


@click.group(cls=FibrixGroup)
def fabric() -> None:
    """List, declare, change and delete fabrics: switches that are connected."""


@click.group(cls=FibrixGroup)
def zone() -> None:
    """List, declare, change and delete zones: places that fail as a whole."""


@click.group(cls=FibrixGroup)
def vlan() -> None:
    """List, declare, change and delete VLANs. A VLAN is called FABRIC.VID, as default.10; 0 is untagged."""


@click.group("range", cls=FibrixGroup)
def range_() -> None:
    """List, add and delete the ranges of a subnet: dynamic ones, and those that nobody is given."""


@fabric.command("list")
@pass_settings
def list_fabrics(settings: Settings) -> None:
    """List fabrics."""
    found = settings.items("fabrics")
    rows = [(f["name"], ", ".join(f["vlans"]), f["note"]) for f in found]
    emit(settings, found, lambda: table(("NAME", "VLANS", "NOTE"), rows, empty="no fabrics: `fibrix fabric add NAME`"))


@fabric.command("add", changes=True)
@click.argument("name")
@click.option("--note", default="")
@pass_settings
def add_fabric(settings: Settings, name: str, *, note: str) -> None:
    """Declare a fabric."""
    _add(settings, "fabrics", {"name": name, "note": note})


@fabric.command("edit", changes=True)
@click.argument("name", type=FABRIC)
@click.option("--note", required=True)
@pass_settings
def edit_fabric(settings: Settings, name: str, *, note: str) -> None:
    """Change a fabric's note."""
    _edit(settings, f"fabrics/{name}", {"note": note})


@fabric.command("delete", changes=True)
@click.argument("name", type=FABRIC)
@pass_settings
def delete_fabric(settings: Settings, name: str) -> None:
    """Remove a fabric without VLANs."""
    _delete(settings, f"fabrics/{name}", name)


@zone.command("list")
@pass_settings
def list_zones(settings: Settings) -> None:
    """List zones, with how many machines stand there."""
    found = settings.items("zones")
    rows = [(z["name"], z["machines"], z["note"]) for z in found]
    emit(settings, found, lambda: table(("NAME", "MACHINES", "NOTE"), rows, empty="no zones: `fibrix zone add NAME`"))


@zone.command("add", changes=True)
@click.argument("name")
@click.option("--note", default="")
@pass_settings
def add_zone(settings: Settings, name: str, *, note: str) -> None:
    """Declare a zone."""
    _add(settings, "zones", {"name": name, "note": note})


@zone.command("edit", changes=True)
@click.argument("name", type=ZONE)
@click.option("--note", required=True)
@pass_settings
def edit_zone(settings: Settings, name: str, *, note: str) -> None:
    """Change a zone's note."""
    _edit(settings, f"zones/{name}", {"note": note})


@zone.command("delete", changes=True)
@click.argument("name", type=ZONE)
@pass_settings
def delete_zone(settings: Settings, name: str) -> None:
    """Remove a zone without machines."""
    _delete(settings, f"zones/{name}", name)


@vlan.command("list")
@pass_settings
def list_vlans(settings: Settings) -> None:
    """List VLANs."""
    found = settings.items("vlans")
    rows = [(v["id"], v["name"], v["interface"], v["mtu"] or "", ", ".join(v["subnets"]), v["note"]) for v in found]
    columns = ("VLAN", "NAME", "INTERFACE", "MTU", "SUBNETS", "NOTE")
    emit(settings, found, lambda: table(columns, rows, empty="no VLANs: `fibrix vlan add FABRIC VID`"))


@vlan.command("add", changes=True)
@click.argument("fabric_name", metavar="FABRIC", type=FABRIC)
@click.argument("vid", type=int)
@click.option("--name", default="")
@click.option("--interface", default="", help="Of the controller, that carries it.")
@click.option("--mtu", type=int, default=0, help="Octets; clients are told.")
@click.option("--note", default="")
@pass_settings
def add_vlan(settings: Settings, /, fabric_name: str, vid: int, **options: Any) -> None:
    """Declare a VLAN of a fabric."""
    _add(settings, "vlans", {"fabric": fabric_name, "vid": vid} | options)


@vlan.command("edit", changes=True)
@click.argument("key", metavar="VLAN", type=VLAN)
@click.option("--name")
@click.option("--interface", help="Its subnets move with it.")
@click.option("--mtu", type=int)
@click.option("--note")
@pass_settings
def edit_vlan(settings: Settings, /, key: str, **options: Any) -> None:
    """Change a VLAN."""
    _edit(settings, f"vlans/{key}", {name: value for name, value in options.items() if value is not None})


@vlan.command("delete", changes=True)
@click.argument("key", metavar="VLAN", type=VLAN)
@pass_settings
def delete_vlan(settings: Settings, key: str) -> None:
    """Remove a VLAN without subnets."""
    _delete(settings, f"vlans/{key}", key)


@range_.command("list")
@click.argument("subnet", type=SUBNET)
@pass_settings
def list_ranges(settings: Settings, subnet: str) -> None:
    """List a subnet's ranges, with how full they are."""
    found = settings.items(f"subnets/{subnet}/ranges")
    rows = [(r["first"], r["last"], r["kind"], use_of(r), r["note"]) for r in found]
    empty = f"no ranges: `fibrix range add {subnet} FIRST LAST`"
    emit(settings, found, lambda: table(("FIRST", "LAST", "KIND", "LEASED", "NOTE"), rows, empty=empty))


@range_.command("add", changes=True)
@click.argument("subnet", type=SUBNET)
@click.argument("first")
@click.argument("last")
@click.option("--reserved", is_flag=True, help="Nobody is given these addresses.")
@click.option("--note", default="", help="What reserved addresses are for.")
@pass_settings
def add_range(settings: Settings, subnet: str, first: str, last: str, *, reserved: bool, note: str) -> None:
    """Add a range, both ends included."""
    body = {"first": first, "last": last, "kind": "reserved" if reserved else "dynamic", "note": note}
    made = settings.client().post(f"subnets/{subnet}/ranges", body)
    emit(settings, made, lambda: click.echo(f"{made['first']} to {made['last']} is {made['kind']}"))


@range_.command("delete", changes=True)
@click.argument("subnet", type=SUBNET)
@click.argument("first")
@pass_settings
def delete_range(settings: Settings, subnet: str, first: str) -> None:
    """Remove the range that begins with FIRST. Its leases run on until they end."""
    _delete(settings, f"subnets/{subnet}/ranges/{first}", f"the range from {first}")


def _add(settings: Settings, path: str, body: dict[str, Any]) -> None:
    made = settings.client().post(path, body)
    emit(settings, made, lambda: click.echo(f"{made.get('id') or made['name']} is declared"))


def _edit(settings: Settings, path: str, body: dict[str, Any]) -> None:
    if not body:
        raise click.UsageError("nothing to change: give at least one option")
    client = settings.client()
    changed = client.patch(path, body, version=client.call("GET", path).headers["etag"])
    emit(settings, changed, lambda: click.echo(f"{changed.get('id') or changed['name']} is changed"))


def _delete(settings: Settings, path: str, name: str) -> None:
    settings.client().delete(path)
    emit(settings, None, lambda: click.echo(f"{name} is gone"))
