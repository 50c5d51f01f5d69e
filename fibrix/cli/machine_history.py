"""`fibrix machine why`, `boots`, `runs`, `output`, `events`: what a machine went through."""

import sys
from typing import Any

import click

from fibrix.cli.events import list_or_follow
from fibrix.cli.groups import FibrixCommand
from fibrix.cli.names import MACHINE
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, clock, emit, facts, plain, size, table
from fibrix.errors import ClientError


@click.command("why", cls=FibrixCommand)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@pass_settings
def why(settings: Settings, key: str) -> None:
    """Say why it is where it is: what was last seen, what is awaited, and until when."""
    told = settings.client().get(f"machines/{key}/why")
    emit(settings, told, lambda: print_why(told))


@click.command("boots", cls=FibrixCommand)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@click.option("--last", type=click.IntRange(1, 100), default=5, show_default=True, help="So many of them.")
@pass_settings
def boots(settings: Settings, key: str, *, last: int) -> None:
    """List its last boots, newest first: what was seen when, how long each step took, how it ended."""
    found = settings.client().get(f"machines/{key}/boots", limit=last)["items"]
    emit(settings, found, lambda: _print_boots(found))


@click.command("runs", cls=FibrixCommand)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@pass_settings
def runs(settings: Settings, key: str) -> None:
    """List its script runs, newest first."""
    found = settings.items(f"machines/{key}/runs")
    columns = ("RUN", "SCRIPT", "STATE", "STATUS", "EXIT", "STARTED", "OUTPUT", "REASON")
    rows = [
        (
            run["id"],
            run["script"],
            run["state"],
            run["status"],
            run["exit_status"],
            ago(run["started_at"]),
            size(run["output_bytes"]),
            run["reason"],
        )
        for run in found
    ]
    emit(settings, found, lambda: table(columns, rows, empty="no script runs yet: commission it"))


@click.command("output")
@click.argument("key", metavar="MACHINE", type=MACHINE)
@click.argument("run")
@pass_settings
def output(settings: Settings, key: str, run: str) -> None:
    """Print what a run printed, byte for byte. RUN is a run's id, or a script's name for its newest run."""
    found = settings.items(f"machines/{key}/runs")
    wanted = next((each["id"] for each in found if run in {each["id"], each["script"]}), None)
    if wanted is None:
        raise ClientError(f"{key} has no script run {run!r}: `fibrix machine runs {key}` lists them", status=404)
    answer = settings.client().call("GET", f"machines/{key}/runs/{wanted}/output")
    sys.stdout.buffer.write(answer.body)


@click.command("events", cls=FibrixCommand)
@click.argument("key", metavar="MACHINE", type=MACHINE)
@click.option("--since", type=click.IntRange(min=0), default=None, help="Begin after this number.")
@click.option("--follow", is_flag=True, help="Go on with what happens from now on.")
@pass_settings
def events(settings: Settings, key: str, *, since: int | None, follow: bool) -> None:
    """List or follow what happens to it."""
    machine = settings.client().get(f"machines/{key}")["id"]
    list_or_follow(settings, {"machine": machine}, since=since, follow=follow)


def _print_boots(found: list[dict[str, Any]]) -> None:
    if not found:
        click.echo("no boots that the journal still knows of")
    for number, boot in enumerate(found):
        if number:
            click.echo()
        what = f"{boot['boots'] or 'unknown'} system for {', '.join(boot['states']) or 'an unknown state'}"
        took = f", {_took(boot['took_s'])}" if boot["ended_at"] else ""
        ended = f"{boot['outcome']}{took}{': ' + boot['reason'] if boot['reason'] else ''}"
        click.echo(plain(f"{boot['id'] or '(nothing seen)'}  {what}  {clock(boot['began_at'])}  {ended}"))
        for step in boot["steps"]:
            detail = f": {step['detail']}" if step["detail"] else ""
            click.echo(plain(f"  {clock(step['at'])}  {_took(step['took_s']):>9}  {step['stage']}{detail}"))


def _took(seconds: float | None) -> str:
    return "…" if seconds is None else f"{seconds:.1f} s"


def print_why(told: dict[str, Any], *, err: bool = False) -> None:
    """Print the answer for people. `err`: on stderr."""
    facts(
        (
            ("machine", f"{told['name']} ({told['machine']})"),
            ("state", f"{told['state']}, {ago(told['since'])}"),
            ("reason", told["reason"]),
            ("power", f"{told['power']} ({told['power_detail']})"),
            ("so far", "\n".join(f"{clock(step['at'])}  {step['what']}" for step in told["history"])),
            ("last seen", _expectation(told["last_seen"], "")),
            ("awaited", _expectation(told["awaited"], "given up ")),
            ("you can", ", ".join(told["next_steps"])),
        ),
        err=err,
    )


def _expectation(step: dict[str, Any] | None, verb: str) -> str:
    """Write something seen or awaited with its time."""
    if step is None:
        return ""
    when = f", {verb}{clock(step['at'])} ({ago(step['at'])})" if step["at"] else ""
    return plain(step["what"]) + when
