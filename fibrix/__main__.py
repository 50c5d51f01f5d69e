"""`python -m fibrix`, and the `fibrix` script: the command line, with the controller itself as one command of it."""

from pathlib import Path

import click

from fibrix.cli.main import cli

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


def main() -> None:
    """Run the command line."""
    cli(prog_name="fibrix")


if __name__ == "__main__":
    main()
