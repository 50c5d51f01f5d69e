"""docs/routes.md and docs/cli.md name what there is, and nothing that there is not."""

import re
import runpy
from pathlib import Path

import click

from fibrix.__main__ import cli

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_the_routes_is_made_from_the_table() -> None:
    script = runpy.run_path(str(DOCS.parent / "scripts" / "route-page"))
    assert script["made"]() == (DOCS / "routes.md").read_text(), "run scripts/route-page"


def test_the_page_of_the_command_line_has_every_command() -> None:
    page = (DOCS / "cli.md").read_text()
    context = click.Context(cli)
    for name in cli.list_commands(context):
        if name == "lab":
            continue  # it has a page of its own
        assert re.search(rf"`(fibrix )?{name}\b", page), name
        command = cli.get_command(context, name)
        for member in command.list_commands(context) if isinstance(command, click.Group) else ():
            assert re.search(rf"`(fibrix {name} )?{member}\b", page), f"{name} {member}"
