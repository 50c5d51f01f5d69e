"""Shell completion: words of the command line, and the names of what there is now."""

import click
from click.shell_completion import get_completion_class

from fibrix.cli.groups import FibrixCommand
from fibrix.cli.names import COMPLETE_VARIABLE


@click.command("completion", cls=FibrixCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete words: put `eval "$(fibrix completion bash)"` into ~/.bashrc."""
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"{shell} is not known to this version of click")
    click.echo(made(ctx.find_root().command, {}, "fibrix", COMPLETE_VARIABLE).source())
