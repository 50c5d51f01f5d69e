"""Groups of commands: imported when they are used, each command with --json, errors as exit statuses."""

import importlib
from collections.abc import Mapping
from typing import Any, Final

import click

from fibrix.cli.settings import Form, Settings, exit_status
from fibrix.errors import FibrixError, RehearsedError

_FORMS: Final = (
    (Form.JSON, "Print JSON for programs."),
    (Form.JSONL, "Print JSON, a line for each item."),
    (Form.QUIET, "Print ids only, one a line."),
)


class FibrixCommand(click.Command):
    """A command that says how to print, so that --json and the like may stand where people put them.

    With `changes=True` it takes --dry-run too.
    """

    def __init__(self, *args: Any, changes: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [_printing(form, words) for form, words in _FORMS]
        if changes:
            self.params.append(
                click.Option(
                    ["--dry-run"],
                    is_flag=True,
                    expose_value=False,
                    callback=_rehearse,
                    help="Say what would change, or why it would be refused; change nothing.",
                )
            )


class FibrixGroup(click.Group):
    """A group of such commands."""

    command_class = FibrixCommand
    group_class = type


class LazyGroup(FibrixGroup):
    """A group whose members' modules are imported only when one of them is run.

    `members` maps a name to `module:attribute` and the line that --help shows.
    """

    def __init__(self, *args: Any, members: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._members = members

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name all members."""
        return sorted({*self.commands, *self._members})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a member."""
        if cmd_name in self.commands or cmd_name not in self._members:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._members[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table below is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the members from the table, so that help imports nothing."""
        lines = {name: command.get_short_help_str(80) for name, command in self.commands.items()}
        lines |= {name: help_line for name, (_, help_line) in self._members.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(lines.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run; an error that is meant becomes a line and an exit status."""
        try:
            return super().invoke(ctx)
        except RehearsedError as exc:
            from fibrix.cli.preview import print_preview  # noqa: PLC0415 - only for a dry run

            print_preview(ctx.ensure_object(Settings), exc.preview)
        except FibrixError as exc:
            click.echo(f"fibrix: {exc}", err=True)
            ctx.exit(exit_status(exc))


def _printing(form: Form, words: str) -> click.Option:
    """Make an option that says how to print."""

    def choose(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
        if value:
            ctx.ensure_object(Settings).form = form

    names = [f"--{form.value}", *(["-q"] if form is Form.QUIET else [])]
    return click.Option(names, is_flag=True, expose_value=False, callback=choose, help=words)


def _rehearse(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value:
        ctx.ensure_object(Settings).rehearse = True
