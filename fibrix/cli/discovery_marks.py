"""`fibrix discovery name`, `note`, `hide`, `unhide`, `ignore`, `forget`, `hidden`: what people say of hosts."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from fibrix.cli.groups import FibrixCommand
from fibrix.cli.names import DISCOVERY
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, table
from fibrix.errors import InvalidError, NotFoundError

F = TypeVar("F", bound=Callable[..., object])

VLAN: Final = " VLAN "
"""Stands between an interface and a tag on it, in the name of a hidden network."""

_PLACE: Final = (
    click.option("--network", default="", help="All hosts of a network, as 203.0.113.0/24, for good."),
    click.option("--interface", default="", help="All hosts that are heard on an interface, for good."),
    click.option("--vlan", type=click.IntRange(0, 4094), help="There, with this tag only; 0: without one."),
)


def place_of_a_network(command: F) -> F:
    """Give a command the options that name a network."""
    for option in reversed(_PLACE):
        command = option(command)
    return command


@click.command("name", cls=FibrixCommand, changes=True)
@click.argument("mac", type=DISCOVERY)
@click.argument("name", default="")
@pass_settings
def name(settings: Settings, mac: str, name: str) -> None:
    """Call a host something; without NAME, nothing any more."""
    _mark(settings, mac, {"name": name}, f"is called {name}" if name else "has no name any more")


@click.command("note", cls=FibrixCommand, changes=True)
@click.argument("mac", type=DISCOVERY)
@click.argument("text", default="")
@pass_settings
def note(settings: Settings, mac: str, text: str) -> None:
    """Write something about a host; without TEXT, nothing any more."""
    _mark(settings, mac, {"note": text}, "is noted" if text else "has no note any more")


@click.command("hide", cls=FibrixCommand, changes=True)
@click.argument("mac", type=DISCOVERY, default="")
@place_of_a_network
@click.option("--note", default="", help="Of a network: why.")
@pass_settings
def hide(settings: Settings, /, mac: str, *, note: str, **options: Any) -> None:
    """Leave a host out of lists, or keep nothing of a network's hosts from now on: what is kept is forgotten."""
    given = _given(mac, options)
    if mac:
        _mark(settings, mac, {"hidden": True}, "is hidden")
        return
    made = settings.client().post("hidden-networks", given | {"note": note})
    emit(settings, made, lambda: click.echo(f"nothing is kept of {network_named(made)}"))


@click.command("unhide", cls=FibrixCommand, changes=True)
@click.argument("mac", type=DISCOVERY, default="")
@place_of_a_network
@pass_settings
def unhide(settings: Settings, /, mac: str, **options: Any) -> None:
    """Show a host in lists again, or hide a network no more."""
    given = _given(mac, options)
    if mac:
        _mark(settings, mac, {"hidden": False}, "is not hidden")
        return
    for one in settings.items("hidden-networks"):
        if all(one[field] == given.get(field, default) for field, default in _NOTHING.items()):
            settings.client().delete(f"hidden-networks/{one['id']}")
            emit(settings, None, lambda: click.echo(f"{network_named(one)} is not hidden"))  # noqa: B023 - called at once
            return
    raise NotFoundError("that is not hidden as such: fibrix discovery hidden")


@click.command("ignore", cls=FibrixCommand, changes=True)
@click.argument("mac", type=DISCOVERY)
@click.option("--off", is_flag=True, help="Do so no more.")
@pass_settings
def ignore(settings: Settings, mac: str, *, off: bool) -> None:
    """Leave a host out of lists, and tell no events about it."""
    _mark(settings, mac, {"ignored": not off}, "is not ignored" if off else "is ignored")


@click.command("forget", cls=FibrixCommand, changes=True)
@click.argument("mac", type=DISCOVERY)
@pass_settings
def forget(settings: Settings, mac: str) -> None:
    """Forget a host, and what was said of it, until it is heard again."""
    settings.client().delete(f"discoveries/{mac}")
    emit(settings, None, lambda: click.echo(f"{mac} is forgotten"))


@click.command("hidden", cls=FibrixCommand)
@pass_settings
def hidden(settings: Settings) -> None:
    """List the networks of whose hosts nothing is kept."""
    found = settings.items("hidden-networks")
    rows = [(network_named(one), one["note"], one["id"]) for one in found]
    emit(settings, found, lambda: table(("NETWORK", "NOTE", "ID"), rows, empty="no network is hidden"))


_NOTHING: Final = {"network": "", "interface": "", "vlan": None}


def _given(mac: str, options: dict[str, Any]) -> dict[str, Any]:
    """Read which network is meant; there must be one, or a host."""
    given = {name: value for name, value in options.items() if value not in {"", None}}
    if bool(mac) == bool(given):
        raise click.UsageError("name a host by its MAC, or a network: --network, --interface with or without --vlan")
    return given


def network_named(one: dict[str, Any]) -> str:
    """Name a hidden network: `203.0.113.0/24`, `eth1`, `eth1 VLAN 7`."""
    vlan = "" if one["vlan"] is None else f"{VLAN}{one['vlan']}"
    return str(one["network"] or f"{one['interface']}{vlan}")


def where_of(name: str) -> dict[str, Any]:
    """Read such a name. Raises InvalidError."""
    interface, tagged, vlan = name.partition(VLAN)
    if "/" in name:
        return {"network": name}
    if tagged and not (vlan.isascii() and vlan.isdigit()):
        raise InvalidError(f"{name!r} is no network to hide: write 203.0.113.0/24, eth1 or `eth1{VLAN}7`")
    return {"interface": interface} | ({"vlan": int(vlan[:9])} if tagged else {})


def _mark(settings: Settings, mac: str, body: dict[str, object], words: str) -> None:
    """Say something of a host: one field, so that nobody else's word is overwritten."""
    changed = settings.client().patch(f"discoveries/{mac}", body, version="*")
    emit(settings, changed, lambda: click.echo(f"{changed['mac']} {words}"))
