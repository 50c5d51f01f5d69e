"""Printing: tables for people, JSON for programs."""

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
import msgspec

from fibrix.cli.settings import Form, Settings

_SIZES: Final = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_STYLES: Final = (
    dict.fromkeys(("Ready", "Deployed", "running", "passed", "succeeded", "on", "ok"), "green")
    | dict.fromkeys(("Commissioning", "Testing", "Deploying", "Releasing", "Disk erasing", "starting"), "yellow")
    | dict.fromkeys(("Broken", "failed", "timed out", "Releasing failed", "error"), "red")
    | dict.fromkeys(("Failed commissioning", "Failed testing", "Failed deployment", "Failed disk erasing"), "red")
)
"""Colours on a terminal, by a cell's text; NO_COLOR turns them off."""
_TIMES: Final = ((86400, "d"), (3600, "h"), (60, "min"))


def emit(settings: Settings, value: Any, people: Callable[[], None]) -> None:
    """Print a value as JSON or as ids, or let `people` print it."""
    items = value if isinstance(value, list) else [value]
    match settings.form:
        case Form.PEOPLE:
            people()
        case Form.JSON:
            click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
        case Form.JSONL:
            for item in items:
                click.echo(msgspec.json.encode(item))
        case Form.QUIET:
            for item in items:
                _print_id(item)


def _print_id(item: Any) -> None:
    """Print what an item is called by in other commands: its id, else its MAC, else its name."""
    if isinstance(item, dict) and (called := item.get("id") or item.get("mac") or item.get("name")):
        click.echo(plain(called))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows under their columns; `empty` says what to do where there are none."""
    from rich.console import Console  # noqa: PLC0415 - 60 ms
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(plain(cell), style=_STYLES.get(str(cell), "")) for cell in row))  # Text: never markup
    if made.row_count:
        Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(made)
    else:
        click.echo(empty)


def facts(pairs: Iterable[tuple[str, object]], *, err: bool = False) -> None:
    """Print names and values, one a line, those that are empty left out. `err`: on stderr."""
    shown = [(name, plain(value)) for name, value in pairs]
    shown = [(name, value) for name, value in shown if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        first, *more = value.splitlines()
        click.echo(f"{name:<{width}}  {first}", err=err)
        for line in more:
            click.echo(" " * (width + 2) + line, err=err)


def plain(value: object) -> str:
    """Write a cell, without the control characters that a hostile machine may have put into a name."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "".join(char for char in str(value) if char.isprintable() or char == "\n")


def size(count: int | None) -> str:
    """Write a number of bytes: `1.5 GiB`."""
    if not count:
        return ""
    for unit, name in _SIZES:
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} B"


def moment(text: str | None) -> datetime | None:
    """Read a time of the API."""
    return datetime.fromisoformat(text) if text else None


def ago(text: str | None) -> str:
    """Write how long ago, or how far ahead, a time is."""
    at = moment(text)
    if at is None:
        return ""
    seconds = (datetime.now(UTC) - at).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def span(seconds: float) -> str:
    """Write a time span: `42 s`, `3 min`, `5 h`."""
    for unit, name in _TIMES:
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def clock(text: str | None) -> str:
    """Write a time of day in this machine's time zone, with the date where it is not today's."""
    at = moment(text)
    if at is None:
        return ""
    local = at.astimezone()
    today = local.date() == datetime.now(UTC).astimezone().date()
    return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M:%S}"
