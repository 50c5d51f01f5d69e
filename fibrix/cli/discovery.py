"""`fibrix discovery`: every host that was heard on the wire."""

from collections.abc import Mapping
from typing import Any, Final

import click

from fibrix.cli.groups import LazyGroup
from fibrix.cli.names import DISCOVERY, MACHINE, SUBNET
from fibrix.cli.place_options import given_place, place_options
from fibrix.cli.power_options import given_power, power_options
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, clock, emit, facts, plain, table

_LINK_LOCAL: Final = ("fe80:", "169.254.")

MEMBERS = {
    name: (f"fibrix.cli.discovery_marks:{attribute}", line)
    for name, attribute, line in (
        ("name", "name", "Call a host something."),
        ("note", "note", "Write something about a host."),
        ("hide", "hide", "Leave a host out of lists, or hide a network for good."),
        ("unhide", "unhide", "Take that back."),
        ("ignore", "ignore", "Leave a host out of lists and events."),
        ("forget", "forget", "Forget a host until it is heard again."),
        ("hidden", "hidden", "List the networks of whose hosts nothing is kept."),
    )
} | {"scan": ("fibrix.cli.discovery_scan:scan", "Ask subnets, ranges or addresses who is there.")}


@click.group(cls=LazyGroup, members=MEMBERS)
def discovery() -> None:
    """List, show and mark hosts that were heard on the wire; make machines of them. MAC is a host's."""


@discovery.command("list")
@click.option("--subnet", type=SUBNET, default="", help="Its name, or a network as 10.20.0.0/24.")
@click.option("--vlan", type=click.IntRange(0, 4094), help="The tag of its frames; 0: none.")
@click.option("--interface", default="")
@click.option("--vendor", default="", help="A part of the name of who made it.")
@click.option("--kind", default="", help="A part of what it is, as PXE.")
@click.option("--role", default="", help="gateway, dhcp server, bmc or switch.")
@click.option("--known/--unknown", default=None, help="Machines, their BMCs and the controller; or all others.")
@click.option("--machine", type=MACHINE, default="", help="Id or name: its interfaces and its BMC.")
@click.option("--since", default="", help="Heard since: a time, or as -1d.")
@click.option("--all", "whole", is_flag=True, help="Hidden and ignored ones too.")
@pass_settings
def list_discoveries(settings: Settings, /, *, known: bool | None, whole: bool, **options: Any) -> None:
    """List hosts, by MAC."""
    query = {name: value for name, value in options.items() if value not in {"", None}}
    query |= {"known": str(known).lower()} if known is not None else {}
    query |= {"all": "true"} if whole else {}
    found = settings.items("discoveries", **query)
    columns = ("MAC", "NAME", "ADDRESS", "ON", "VENDOR", "KIND", "IS", "HEARD")
    rows = [
        (d["mac"], called(d), address_of(d), place(d), d["vendor"], _kind(d), standing(d), ago(d["last"]))
        for d in found
    ]
    emit(settings, found, lambda: table(columns, rows, empty="nothing was heard, or nothing that fits"))


@discovery.command("show")
@click.argument("mac", type=DISCOVERY)
@pass_settings
def show_discovery(settings: Settings, mac: str) -> None:
    """Show all that is known of a host, with hosts that may be its BMC."""
    shown = settings.client().get(f"discoveries/{mac}")
    emit(settings, shown, lambda: _print(shown))


@discovery.command("add", changes=True)
@click.argument("mac", type=DISCOVERY)
@click.option("--name", default="", help="Without it, the machine gets a name of two words.")
@click.option("--bmc", type=DISCOVERY, default="", help="MAC of the host that is its BMC.")
@place_options
@power_options
@pass_settings
def add(settings: Settings, /, mac: str, *, name: str, bmc: str, **options: Any) -> None:
    """Make a machine of a host; a machine that waits to be accepted is accepted.

    `fibrix discovery show` offers hosts that may be its BMC; which one it is, its user and its password are for you to
    say.
    """
    body = {"name": name, "bmc": bmc} | given_place(options) | given_power({}, options)
    made = settings.client().post(f"discoveries/{mac}/machine", body)
    emit(settings, made, lambda: click.echo(plain(f"{made['name']} ({made['id']}) is a machine: {made['state']}")))


def called(shown: Mapping[str, Any]) -> str:
    """What people call a host, else the best of the names that it goes by."""
    names = shown["names"]
    return str(shown["name"] or (names[0]["name"] if names else ""))


def address_of(shown: Mapping[str, Any]) -> str:
    """Its newest address that leads anywhere; else any."""
    found = [str(each["address"]) for each in shown["addresses"]]
    return next((each for each in found if not each.startswith(_LINK_LOCAL)), found[0] if found else "")


def place(shown: Mapping[str, Any]) -> str:
    """Where it is heard: `eth1`, `eth1 VLAN 7`."""
    return f"{shown['interface']} VLAN {shown['vlan']}" if shown["vlan"] else str(shown["interface"])


def standing(shown: Mapping[str, Any]) -> str:
    """What it is to the region."""
    machine = shown["machine_name"]
    words = {"machine": machine, "waiting": f"{machine} (not accepted)", "bmc": f"BMC of {machine}"}
    is_it = words.get(shown["standing"], "" if shown["standing"] == "stranger" else shown["standing"])
    marks = [mark for mark in ("hidden", "ignored") if shown[mark]]
    return ", ".join(filter(None, [is_it, *marks]))


def neighbour(port: Mapping[str, Any] | None) -> str:
    """The port of a switch."""
    if not port:
        return ""
    words = (port["name"] or port["chassis"], port["port"], port["port_note"])
    vlan = f"VLAN {port['vlan']}" if port["vlan"] else ""
    return ", ".join(dict.fromkeys(word for word in (*words, vlan) if word))


def _kind(shown: Mapping[str, Any]) -> str:
    return ", ".join(dict.fromkeys(word for word in (shown["kind"], *shown["roles"]) if word))


def _print(shown: dict[str, Any]) -> None:
    client = shown["client"] or {}
    firmware = {True: "UEFI", False: "BIOS", None: ""}[shown["uefi"]]
    facts(
        (
            ("MAC", shown["mac"]),
            ("name", shown["name"]),
            ("note", shown["note"]),
            ("is", standing(shown) or "unknown"),
            ("vendor", shown["vendor"]),
            ("kind", _kind(shown)),
            ("firmware", firmware),
            ("on", place(shown)),
            ("subnets", ", ".join(shown["subnets"])),
            ("addresses", "\n".join(f"{a['address']}  {ago(a['last'])}" for a in shown["addresses"])),
            ("names", "\n".join(f"{n['name']}  by {n['means']}" for n in shown["names"])),
            ("heard by", ", ".join(shown["means"])),
            ("first heard", clock(shown["first"])),
            ("last heard", f"{ago(shown['last'])}{', gone' if shown['gone'] else ''}"),
            ("says it is", client.get("vendor_class", "")),
            ("UUID", client.get("uuid", "")),
            ("switch port", neighbour(shown["switch"])),
            ("services", "\n".join(_service(each) for each in shown["services"])),
            ("a BMC as it", shown["bmc"]),
            ("history", "\n".join(f"{clock(step['at'])}  {step['what']}" for step in shown["history"])),
            ("BMC may be", "\n".join(_candidate(each) for each in shown["bmc_candidates"])),
        )
    )


def _service(service: Mapping[str, Any]) -> str:
    port = f"port {service['port']}" if service["port"] else ""
    return "  ".join(word for word in (service["kind"], service["name"], port, service["location"]) if word)


def _candidate(candidate: Mapping[str, Any]) -> str:
    reason = candidate["reason"] if candidate["likely"] else f"{candidate['reason']} (not likely)"
    return "  ".join(word for word in (candidate["mac"], candidate["address"], reason) if word)
