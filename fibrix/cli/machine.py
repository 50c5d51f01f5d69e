"""`fibrix machine`: what there is, one machine, and everything that is done with it."""

from collections.abc import Sequence
from typing import Any

import click

from fibrix.cli.discovery import neighbour, place
from fibrix.cli.groups import LazyGroup
from fibrix.cli.names import MACHINE
from fibrix.cli.place_options import given_place, place_options
from fibrix.cli.power_options import given_power, power_options
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, clock, emit, facts, plain, size, table
from fibrix.errors import ClientError

MEMBERS = {
    name: (f"fibrix.cli.machine_actions:{attribute}", line)
    for name, attribute, line in (
        ("commission", "commission", "Take its inventory, then test it."),
        ("test", "run_tests", "Test its memory and disks."),
        ("deploy", "deploy", "Install an image."),
        ("release", "release", "Wipe it and make it ready again."),
        ("abort", "abort", "Give up what is under way."),
        ("broken", "broken", "Take it out of use."),
        ("fixed", "fixed", "Take it back into use."),
        ("override", "override", "Accept failed tests as they are."),
        ("retire", "retire", "Take it out of use for good."),
    )
} | {
    "allocate": ("fibrix.cli.machine_allocate:allocate", "Keep a machine for a tenant."),
    "power": ("fibrix.cli.machine_power:power", "Power it, ask its power, confirm it."),
    "why": ("fibrix.cli.machine_history:why", "Say why it is where it is, and what comes next."),
    "boots": ("fibrix.cli.machine_history:boots", "List its last boots, step by step."),
    "runs": ("fibrix.cli.machine_history:runs", "List its script runs."),
    "output": ("fibrix.cli.machine_history:output", "Print what a script run printed."),
    "events": ("fibrix.cli.machine_history:events", "List or follow what happens to it."),
}


@click.group(cls=LazyGroup, members=MEMBERS)
def machine() -> None:
    """List, show, add and drive machines. MACHINE is an id, a name or a MAC."""


@machine.command("list")
@click.option("--state", default="", help="Names of states, with commas between them.")
@click.option("--name", default="")
@click.option("--mac", default="")
@pass_settings
def list_machines(settings: Settings, *, state: str, name: str, mac: str) -> None:
    """List machines."""
    found = settings.items("machines", state=state, name=name, mac=mac)
    whose = {"TENANT": "tenant"} if any(m["tenant"] for m in found) else {}
    columns = ("NAME", "STATE", "SINCE", "POWER", *whose, "ADDRESS", "MAC", "HARDWARE", "ID")
    rows = [
        (
            *(m["name"], _state(m), ago(m["since"]), m["power_state"]),
            *(m[field] for field in whose.values()),
            *(m["address"], m["macs"][0], _hardware(m), m["id"]),
        )
        for m in found
    ]
    empty = "no machines: power one on, or add it with `fibrix machine add`"
    emit(settings, found, lambda: table(columns, rows, empty=empty))


@machine.command("show")
@click.argument("key", metavar="MACHINE", type=MACHINE)
@pass_settings
def show_machine(settings: Settings, key: str) -> None:
    """Show a machine."""
    shown = settings.client().get(f"machines/{key}")
    emit(settings, shown, lambda: print_machine(shown, _heard(settings, shown)))


@machine.command("add", changes=True)
@click.option("--mac", "macs", multiple=True, required=True, help="Of a network interface; may be repeated.")
@click.option("--name", default="", help="Without it, it gets a name of two words.")
@place_options
@power_options
@pass_settings
def add_machine(settings: Settings, /, *, macs: tuple[str, ...], name: str, **options: Any) -> None:
    """Add a machine by hand; it is accepted from the start."""
    body = {"macs": macs, "name": name} | given_place(options) | given_power({}, options)
    _done(settings, settings.client().post("machines", body), "added")


@machine.command("accept", changes=True)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@click.option("--name", default="", help="A name of your own for it.")
@power_options
@pass_settings
def accept_machine(settings: Settings, /, key: str, *, name: str, **power: Any) -> None:
    """Accept a discovered machine: from now on it may be powered and written to."""
    client = settings.client()
    known = client.get(f"machines/{key}")
    body = {"name": name} | given_power(known["power"], power)
    _done(settings, client.post(f"machines/{known['id']}/accept", body), "accepted")


@machine.command("edit", changes=True)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@click.option("--name", default=None)
@click.option("--mac", "macs", multiple=True, help="All its MACs from now on; may be repeated.")
@place_options
@click.option("--no-tags", is_flag=True, help="It has no tags from now on.")
@power_options
@pass_settings
def edit_machine(
    settings: Settings, /, key: str, *, name: str | None, macs: tuple[str, ...], no_tags: bool, **options: Any
) -> None:
    """Change a machine's name, MACs, zone, pool, tags or power settings."""
    client = settings.client()
    read = client.call("GET", f"machines/{key}")
    known = read.value()
    body = given_place(options) | given_power(known["power"] or {}, options)
    body |= {"tags": ()} if no_tags else {}
    body |= ({"name": name} if name else {}) | ({"macs": macs} if macs else {})
    if not body:
        raise click.UsageError("nothing to change: give at least one option")
    changed = client.patch(f"machines/{known['id']}", body, version=read.headers["etag"])
    _done(settings, changed, "changed")


@machine.command("delete", changes=True)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@pass_settings
def delete_machine(settings: Settings, key: str) -> None:
    """Forget a machine and its script runs."""
    settings.client().delete(f"machines/{key}")
    emit(settings, None, lambda: click.echo(f"{key} is forgotten"))


def print_machine(shown: dict[str, Any], heard: Sequence[str] = ()) -> None:
    """Print all that matters of a machine, with what was heard of it on the wire."""
    hardware = shown["hardware"] or {}
    deployment, boot = shown["deployment"] or {}, shown["boot"] or {}
    facts(
        (
            ("name", shown["name"]),
            ("id", shown["id"]),
            ("state", f"{_state(shown)}, {ago(shown['since'])}: {shown['reason']}"),
            ("given up", clock(shown["deadline"])),
            (
                "power",
                f"{shown['power_state']} ({shown['power_detail']})" if shown["power_detail"] else shown["power_state"],
            ),
            ("powered by", _powered_by(shown["power"] or {})),
            ("tenant", shown["tenant"]),
            ("allocated", clock(shown["allocated_at"])),
            ("pool, zone", f"{shown['pool']}, {shown['zone']}"),
            ("tags", ", ".join(shown["tags"])),
            ("MACs", ", ".join(shown["macs"])),
            ("address", shown["address"]),
            ("hardware", " ".join((hardware.get("vendor", ""), hardware.get("product", ""))).strip()),
            ("serial", hardware.get("serial")),
            ("CPU", f"{hardware['cpu_count']} x {hardware['cpu_model']}" if hardware else ""),
            ("memory", size(hardware.get("memory_bytes"))),
            ("disks", "\n".join(_disk(disk) for disk in hardware.get("disks", ()))),
            ("interfaces", "\n".join(_interface(nic) for nic in hardware.get("interfaces", ()))),
            ("on the wire", "\n".join(heard)),
            ("boot", f"{boot['boots']}, {boot['stage']}" if boot else ""),
            ("image", deployment.get("image")),
            ("host name", deployment.get("hostname")),
        )
    )


def _heard(settings: Settings, shown: dict[str, Any]) -> list[str]:
    """What was heard of a machine's interfaces and its BMC, a line each; nothing where that is not for the caller."""
    try:
        found = settings.items("discoveries", machine=shown["id"], all="true")
    except ClientError:  # a tenant's users may not, and a machine is shown all the same
        return []
    return [
        ", ".join(word for word in (d["mac"], d["vendor"], d["kind"], place(d), neighbour(d["switch"])) if word)
        for d in found
    ]


def _powered_by(power: dict[str, Any]) -> str:
    """Name the kind of power supply and its BMC; empty where that is not for the caller to know."""
    at_bmc = f"{power['username']}@{power['address']}:{power['port']}" if power.get("address") else ""
    return f"{power.get('kind', '')} {at_bmc}".strip()


def _state(shown: dict[str, Any]) -> str:
    return shown["state"] if shown["accepted"] else f"{shown['state']} (not accepted)"


def _hardware(shown: dict[str, Any]) -> str:
    """Write a machine's size in a few words."""
    hardware = shown["hardware"]
    if not hardware:
        return ""
    disks = [size(disk["size_bytes"]) for disk in hardware["disks"]]
    return ", ".join((f"{hardware['cpu_count']} CPU", size(hardware["memory_bytes"]), *disks))


def _disk(disk: dict[str, Any]) -> str:
    words = (disk["name"], size(disk["size_bytes"]), disk["model"], disk["serial"])
    smart = f"SMART {disk['smart']}" if disk["smart"] else ""
    return ", ".join(word for word in (*words, smart) if word)


def _interface(nic: dict[str, Any]) -> str:
    link = {True: "link up", False: "no link", None: ""}[nic["link"]]
    speed = f"{nic['speed_mbps']} Mbit/s" if nic["speed_mbps"] else ""
    return ", ".join(word for word in (nic["name"], nic["mac"], nic["driver"], speed, link, nic["neighbour"]) if word)


def _done(settings: Settings, shown: dict[str, Any], what: str) -> None:
    """Say that something was done with a machine."""
    emit(settings, shown, lambda: click.echo(plain(f"{shown['name']} ({shown['id']}) is {what}: {shown['state']}")))
