"""The options that say what a subnet is, for add and edit."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from fibrix.cli.names import VLAN

F = TypeVar("F", bound=Callable[..., object])

_LISTS: Final = {"router": "routers", "dns": "dns_servers", "ntp": "ntp_servers", "search": "search_domains"}
_PLAIN: Final = (
    "network address interface vlan mode unknown relayed boot authoritative probe mtu lease_s domain_name note"
).split()

_OPTIONS: Final = (
    click.option("--network", help="Its addresses, as 10.20.0.0/24; else those that --address is in."),
    click.option("--address", help="The controller's own, as 10.20.0.1/24."),
    click.option("--interface", help="Of the controller, where its clients are."),
    click.option("--vlan", type=VLAN, help="The VLAN that it is on, as default.10; empty for none."),
    click.option("--mode", type=click.Choice(["serve", "proxy", "observe"])),
    click.option("--unknown", type=click.Choice(["enlist", "ignore"]), help="What a machine that nobody knows gets."),
    click.option("--relayed/--not-relayed", default=None, help="Its clients are behind a DHCP relay."),
    click.option("--boot/--no-boot", default=None, help="Whether clients are given something to boot."),
    click.option("--authoritative/--not-authoritative", default=None, help="Whether wrong addresses are refused."),
    click.option("--probe/--no-probe", default=None, help="Look for an address on the wire before it is given out."),
    click.option("--router", multiple=True, help="What clients are told; may be repeated, as the following."),
    click.option("--dns", multiple=True, metavar="ADDRESS"),
    click.option("--ntp", multiple=True, metavar="ADDRESS"),
    click.option("--search", multiple=True, metavar="DOMAIN"),
    click.option("--route", multiple=True, metavar="NETWORK=ROUTER", help="A static route."),
    click.option("--option", "dhcp_option", multiple=True, metavar="CODE=HEX", help="Any other DHCP option."),
    click.option("--domain", "domain_name"),
    click.option("--mtu", type=int),
    click.option("--lease", "lease_s", type=int, metavar="SECONDS"),
    click.option("--note"),
)


def subnet_options(command: F) -> F:
    """Give a command these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given_subnet(options: Mapping[str, Any]) -> dict[str, Any]:
    """Make the part of a body that these options ask for. A list is said whole; one empty word empties it."""
    body = {name: options[name] for name in _PLAIN if options[name] is not None}
    for option, field in _LISTS.items():
        if options[option]:
            body[field] = [word for word in options[option] if word]
    if options["route"]:
        body["routes"] = [_route(word) for word in options["route"] if word]
    return body | given_options(options["dhcp_option"])


def given_options(words: tuple[str, ...]) -> dict[str, Any]:
    """Make the part of a body that asks for DHCP options."""
    if not words:
        return {}
    made = []
    for word in filter(None, words):
        code, _, value = word.partition("=")
        if not code.isdecimal() or not value:
            raise click.UsageError(f"{word!r}: write an option as CODE=HEX, as 4=c0a80101")
        made.append({"code": int(code), "value": value})
    return {"options": made}


def _route(word: str) -> dict[str, str]:
    destination, _, router = word.partition("=")
    if not router:
        raise click.UsageError(f"{word!r}: write a route as NETWORK=ROUTER, as 10.9.0.0/16=192.168.1.2")
    return {"destination": destination, "router": router}
