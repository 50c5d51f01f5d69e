"""`python -m fibrix`, and the `fibrix` script: the command line, with the controller itself as one command of it."""

from pathlib import Path

import click

from fibrix.cli.groups import FibrixCommand
from fibrix.cli.main import cli
from fibrix.cli.settings import EXIT_FAILED, Settings, pass_settings

__all__ = ["cli", "main"]


@cli.command()
@click.option(
    "--config",
    "config_path",
    envvar="FIBRIX_CONFIG",
    type=click.Path(path_type=Path),
    default=Path("/etc/fibrix/fibrix.toml"),
    show_default=True,
    help="The configuration file.",
)
def serve(config_path: Path) -> None:
    """Run the controller in the foreground."""
    from fibrix.app.run import serve as serve_controller  # the whole program: only for who serves  # noqa: PLC0415

    serve_controller(config_path)


@cli.command(cls=FibrixCommand)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--state-dir", "folder", type=click.Path(path_type=Path), help="Where to restore to.")
@click.option(
    "--key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The key file that the backup needs."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_settings
def restore(settings: Settings, *, file: Path, folder: Path | None, key: Path | None, yes: bool) -> None:
    """Put the backup in FILE in the place of what is there. No controller may run there meanwhile."""
    from fibrix.app.restore import restore as put_back  # noqa: PLC0415 - see `serve`

    def agreed() -> bool:
        return yes or click.confirm("Go on?")

    if not put_back(file, folder or settings.state_dir, key, say=click.echo, agreed=agreed):
        click.echo("nothing was changed")
        click.get_current_context().exit(EXIT_FAILED)


def main() -> None:
    """Run the command line."""
    cli(prog_name="fibrix")


if __name__ == "__main__":
    main()
