"""`--wait`: the steps of something that takes long, live, with the seconds that each took."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import click

from fibrix.cli.settings import EXIT_FAILED, Settings
from fibrix.cli.show import plain
from fibrix.cli.words import describe
from fibrix.domain.state import PASSING, State
from fibrix.runtime.api_stream import CloudEvent

GOALS: Final = {
    "commission": State.READY,
    "test": State.READY,
    "deploy": State.DEPLOYED,
    "release": State.READY,
}
"""The state that each long action is to end in."""

Note = Callable[[str], None]


def drive(settings: Settings, machine: dict[str, Any], action: str, body: object) -> dict[str, Any]:
    """Ask for a long action and follow it to its end. Exits with 1 when it ends anywhere but in its goal."""
    return asyncio.run(_drive(settings, machine, action, body))


async def _drive(settings: Settings, machine: dict[str, Any], action: str, body: object) -> dict[str, Any]:
    """Note the newest event first, so that none that follows from the action is missed."""
    client = settings.async_client()
    path = f"machines/{machine['id']}"
    head = await client.head()
    asked: dict[str, Any] = await client.post(f"{path}/{action}", body)
    ended = asked["state"] not in {state.value for state in PASSING}
    if not ended:
        with _display(machine["name"], action) as note:
            began: datetime | None = None
            async for event in client.follow(head, subject=path):
                began = began or datetime.fromisoformat(event.time)
                note(_line(event, began))
                if _is_end(event):
                    break
    final: dict[str, Any] = await client.get(path)
    if final["state"] != GOALS[action].value:
        click.echo(f"fibrix: {final['name']} is {final['state']}: {final['reason']}", err=True)
        click.echo(f"fibrix: `fibrix machine why {final['name']}` says more", err=True)
        sys.exit(EXIT_FAILED)
    return final


def _line(event: CloudEvent, began: datetime) -> str:
    """Write a step with the seconds since the first."""
    seconds = (datetime.fromisoformat(event.time) - began).total_seconds() if event.time else 0.0
    return f"{seconds:8.1f} s  {plain(describe(event.type, event.data))}"


def _is_end(event: CloudEvent) -> bool:
    """Tell whether a machine came to rest, or is gone."""
    after = event.data.get("after")
    at_rest = "trigger" in event.data and after not in {state.value for state in PASSING}
    return at_rest or event.type == "fibrix.machine.deleted"


@contextmanager
def _display(name: str, action: str) -> Iterator[Note]:
    """On a terminal: finished steps, and a clock that runs below them. Elsewhere: plain lines. All on stderr."""
    if not sys.stderr.isatty():
        click.echo(f"{name}: {action}", err=True)
        yield lambda line: click.echo(line, err=True)
        return
    from rich.console import Console  # noqa: PLC0415 - only here
    from rich.live import Live  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(stderr=True, highlight=False)
    clock = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)
    clock.add_task(f"{name}: {action}", total=None)
    with Live(clock, console=console, refresh_per_second=4):
        yield lambda line: console.print(line, markup=False)
