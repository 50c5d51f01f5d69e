"""What a dry run says, for people."""

from typing import Any

import click

from fibrix.cli.settings import Settings
from fibrix.cli.show import emit, plain


def print_preview(settings: Settings, preview: dict[str, Any]) -> None:
    """Print a Preview of the API: each change on a line, then the events that would be told."""
    emit(settings, preview, lambda: _print(preview))


def _print(preview: dict[str, Any]) -> None:
    for change in preview["changes"]:
        click.echo(plain(_line(change)))
    if not preview["changes"]:
        click.echo("nothing would change")
    if preview["events"]:
        click.echo(f"events: {', '.join(preview['events'])}")
    click.echo("(dry run: nothing was done)")


def _line(change: dict[str, Any]) -> str:
    """Write one change: `state of machines/m1: Ready → Deploying (…)`."""
    about = f" of {change['subject']}" if change.get("subject") else ""
    before, after, detail = (change.get(field, "") for field in ("before", "after", "detail"))
    step = f"{before} → {after}" if before and after else before or after
    return f"{change['what']}{about}: " + " ".join(
        part for part in (step, f"({detail})" if step and detail else detail) if part
    )
