"""`fibrix operation`: long work that someone asked for, watched, awaited, cancelled."""

from typing import Any

import click

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.names import MACHINE, OPERATION
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, clock, emit, facts, plain, table

_EMPTY = "no operations: `fibrix machine commission` and the like begin them"


@click.group(cls=FibrixGroup)
def operation() -> None:
    """List, show, await and cancel operations: commissioning, tests, deployments, releases, scans."""


@operation.command("list")
@click.option("--machine", type=MACHINE, default="", help="Those of this machine: its id, name or MAC.")
@click.option("--running", is_flag=True, help="Those that have not ended.")
@pass_settings
def list_operations(settings: Settings, *, machine: str, running: bool) -> None:
    """List operations, oldest first."""
    path = f"machines/{machine}/operations" if machine else "operations"
    found = settings.items(path, filter="state=running" if running else "")
    columns = ("OPERATION", "KIND", "OF", "STATE", "BEGUN", "WHERE IT IS")
    emit(settings, found, lambda: table(columns, map(_row, found), empty=_EMPTY))


@operation.command("show")
@click.argument("key", metavar="OPERATION", type=OPERATION)
@pass_settings
def show_operation(settings: Settings, key: str) -> None:
    """Show an operation."""
    shown = settings.client().get(f"operations/{key}")
    emit(settings, shown, lambda: _print(shown))


@operation.command("wait")
@click.argument("key", metavar="OPERATION", type=OPERATION)
@pass_settings
def wait_for(settings: Settings, key: str) -> None:
    """Show its steps until it has ended. Exit status 1, with the reason, when it does not succeed."""
    from fibrix.cli.progress import attend  # asyncio: only for who waits  # noqa: PLC0415

    print_operation(settings, attend(settings, key))


@operation.command("cancel", changes=True)
@click.argument("key", metavar="OPERATION", type=OPERATION)
@click.option("--reason", default="", help="Why; it is shown as the machine's reason.")
@pass_settings
def cancel(settings: Settings, key: str, *, reason: str) -> None:
    """Abort what it is doing."""
    print_operation(settings, settings.client().post(f"operations/{key}/cancel", {"reason": reason}))


def print_operation(settings: Settings, shown: dict[str, Any]) -> None:
    """Say in a line how far an operation has come."""
    emit(settings, shown, lambda: click.echo(plain(_line(shown))))


def _line(shown: dict[str, Any]) -> str:
    name, detail, key = _about(shown), shown["detail"], f"operation {shown['id']}"
    if shown["state"] == "running":
        return f"{name} is {shown['machine_state'] or 'being scanned'}: {detail} ({key})"
    return f"{name}: {shown['kind']} {shown['state']}: {detail} ({key})"


def _row(shown: dict[str, Any]) -> tuple[object, ...]:
    where = _where(shown) if shown["state"] == "running" else shown["detail"]
    return shown["id"], shown["kind"], _about(shown), shown["state"], ago(shown["created_at"]), where


def _where(shown: dict[str, Any]) -> str:
    """Write what the machine is doing: its state, the stage of its boot, its scripts."""
    words = [str(shown["machine_state"] or ""), str(shown["stage"] or ""), _scripts(shown["progress"])]
    return ", ".join(word for word in words if word) or str(shown["detail"])


def _about(shown: dict[str, Any]) -> str:
    """What is worked on: a machine, or the subnets of a scan."""
    return str(shown["machine_name"]) or ", ".join(shown["subnets"])


def _scripts(progress: dict[str, Any] | None) -> str:
    if progress is None:
        return ""
    running = f", {progress['script']} runs" if progress["script"] else ""
    return f"{progress['ended']} of {progress['count']} scripts done{running}"


def _print(shown: dict[str, Any]) -> None:
    running = shown["state"] == "running"
    facts(
        (
            ("operation", shown["id"]),
            ("kind", shown["kind"]),
            ("machine", f"{shown['machine_name']} ({shown['machine']})" if shown["machine"] else ""),
            ("subnets", ", ".join(shown["subnets"])),
            ("tenant", shown["tenant"]),
            ("asked by", shown["user"]),
            ("request", shown["request"]),
            ("state", shown["state"]),
            ("detail", shown["detail"]),
            ("where it is", _where(shown) if running else ""),
            ("given up", clock(shown["deadline"]) if running else ""),
            ("begun", f"{clock(shown['created_at'])} ({ago(shown['created_at'])})"),
            ("ended", clock(shown["ended_at"])),
        )
    )
