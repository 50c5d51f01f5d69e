"""`fibrix discovery scan`: ask who is there, instead of waiting until they say something."""

import sys
from typing import Any, Final

import click

from fibrix.cli.groups import FibrixCommand
from fibrix.cli.names import SUBNET
from fibrix.cli.operation import print_operation
from fibrix.cli.settings import EXIT_FAILED, Settings, pass_settings
from fibrix.cli.show import emit, plain, table

_KINDS: Final = ("arp", "nd", "ping", "rmcp", "redfish")
_SUCCEEDED: Final = "succeeded"


class _Kinds(click.ParamType[list[str]]):
    """Some of the kinds, with commas between them."""

    name = "kinds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Take them apart."""
        kinds = [part.strip() for part in str(value).split(",") if part.strip()]
        for kind in kinds:
            if kind not in _KINDS:
                self.fail(f"{kind!r} is none of {', '.join(_KINDS)}", param, ctx)
        return kinds


@click.command(cls=FibrixCommand, changes=True)
@click.argument("targets", metavar="SUBNET...", nargs=-1, required=True, type=SUBNET)
@click.option("--kind", "kinds", type=_Kinds(), default=",".join(_KINDS), show_default=True, help="What is asked.")
@click.option("--rate", type=int, default=100, show_default=True, help="Packets a second, at most.")
@click.option("--no-wait", is_flag=True, help="Begin it, and say under which operation it goes on.")
@pass_settings
def scan(settings: Settings, *, targets: tuple[str, ...], kinds: list[str], rate: int, no_wait: bool) -> None:
    """Ask who is there. SUBNET is a subnet's name, 10.1.0.0/28, 10.1.0.5-10.1.0.9, 10.1.0.5 or fe80::1%SUBNET.

    Nothing is sent outside of configured subnets, or on an interface with the role wan. --dry-run says what would be.
    """
    client = settings.client()
    begun = client.post("discoveries/scan", {"targets": targets, "kinds": kinds, "rate": rate})
    if no_wait:
        print_operation(settings, begun)
        return
    from fibrix.cli.progress import followed  # asyncio: only for who waits  # noqa: PLC0415

    over = followed(settings, begun)
    found = client.get(f"operations/{begun['id']}/scan")
    emit(settings, found, lambda: _print(found))
    if over["state"] != _SUCCEEDED:
        click.echo(plain(f"fibrix: scan {over['state']}: {over['detail']}"), err=True)
        sys.exit(EXIT_FAILED)


def _print(found: dict[str, Any]) -> None:
    rows = [
        (h["address"], h["mac"], h["subnet"], ", ".join(h["kinds"]), _redfish(h["redfish"])) for h in found["hosts"]
    ]
    table(("ADDRESS", "MAC", "SUBNET", "ANSWERS", "REDFISH"), rows, empty="nobody answered")
    if (more := found["found"] - len(rows)) > 0:
        click.echo(f"and {more} more")
    sent = ", ".join(f"{kind} {count}" for kind, count in found["sent"].items())
    click.echo(f"sent: {sent or 'nothing'}")
    for words in (*found["faults"], *found["notes"]):
        click.echo(plain(words))


def _redfish(root: dict[str, Any] | None) -> str:
    if root is None:
        return ""
    return " ".join(part for part in (root["vendor"], root["product"] or root["name"], root["version"]) if part)
