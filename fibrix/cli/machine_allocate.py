"""`fibrix machine allocate`: one machine that is named, or the smallest that has what is asked for."""

from typing import Any

import click

from fibrix.cli.groups import FibrixCommand
from fibrix.cli.names import MACHINE
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, plain
from fibrix.cli.sizes import SIZE


@click.command("allocate", cls=FibrixCommand, changes=True)
@click.argument("key", metavar="[MACHINE]", type=MACHINE, required=False)
@click.option("--name", default="", help="It must be named this: what a tenant's users ask for one machine by.")
@click.option("--cores", type=click.IntRange(min=1), help="It must have so many, or more.")
@click.option("--memory", "memory_bytes", type=SIZE, metavar="SIZE", help="It must have so much: `8G` are 8 GiB.")
@click.option("--disk", "disk_bytes", type=SIZE, metavar="SIZE", help="Its largest disk must have so much.")
@click.option("--disks", type=click.IntRange(min=1), help="It must have so many, or more.")
@click.option("--tag", "tags", multiple=True, help="It must have this tag; repeatable.")
@click.option("--zone", default="", help="It must stand there.")
@click.option("--pool", default="", help="It must be of this resource pool.")
@click.option("--tenant", default="", help="Whose it will be: name or id.  [default: your own, or the region itself]")
@click.option("--reason", default="", help="Why; it is shown as the machine's reason.")
@pass_settings
def allocate(settings: Settings, /, key: str | None, *, tenant: str, reason: str, **wanted: Any) -> None:
    """Keep a machine for a tenant: MACHINE, or without it the smallest Ready one that fits."""
    constraints = {name: value for name, value in wanted.items() if value}
    if key and constraints:
        raise click.UsageError("give MACHINE, or what it must have, but not both")
    body = {"tenant": tenant, "reason": reason}
    client = settings.client()
    path = f"machines/{client.get(f'machines/{key}')['id']}/allocate" if key else "allocations"
    made = client.post(path, body | constraints)
    emit(
        settings, made, lambda: click.echo(plain(f"{made['name']} ({made['id']}) is {made['state']}: {made['reason']}"))
    )
