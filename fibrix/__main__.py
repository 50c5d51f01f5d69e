"""`python -m fibrix`, and the `fibrix` script: the command line, with the controller itself as one command of it."""

from contextlib import closing
from io import BufferedReader
from pathlib import Path
from typing import Any

import click

from fibrix.cli.groups import FibrixCommand
from fibrix.cli.main import cli
from fibrix.cli.settings import EXIT_FAILED, Settings, pass_settings
from fibrix.cli.show import emit
from fibrix.types import parse_mac

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
    from fibrix.runtime import collector  # noqa: PLC0415 - see below

    collector.calm()  # before all that is imported: it is half of the start
    with collector.without("rich"):  # structlog would load it for tracebacks in colour, which no log of ours has
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


@cli.command(cls=FibrixCommand)
@click.argument("files", nargs=-1, required=True, type=click.File("rb"), metavar="FILE...")
@click.option(
    "--speed", type=click.FloatRange(min=0), help="Times the captures' own pace.  [default: at once; with --into: 1]"
)
@click.option("--into", metavar="INTERFACE", help="Send the frames too, on a veth, tap or dummy interface.")
@click.option("--interface", default="", help="What to call the interface where a capture does not name it.")
@click.option("--ours", multiple=True, metavar="MAC", help="A MAC of the controller itself; may be given again.")
@click.option("--facts", "as_facts", is_flag=True, help="Print the facts of a case: events and hosts, without times.")
@pass_settings
def replay(
    settings: Settings,
    *,
    files: tuple[BufferedReader, ...],
    speed: float | None,
    into: str | None,
    interface: str,
    ours: tuple[str, ...],
    as_facts: bool,
) -> None:
    """Print the events that the sniffer would have told of captures.

    FILE is a pcap or pcapng of Ethernet, or of Linux's `any`; -: what comes in. Packets of several files come by their
    times. With --json or --jsonl: one CloudEvent a line.
    """
    from fibrix.app import case  # noqa: PLC0415 - see `serve`
    from fibrix.app.pace import Pace  # noqa: PLC0415
    from fibrix.app.replay import Replay  # noqa: PLC0415
    from fibrix.app.sender import Sender  # noqa: PLC0415
    from fibrix.cli.replayed import event_text, write_lines  # noqa: PLC0415

    run = Replay.fresh(interface, tuple(map(parse_mac, ours)))
    if speed or (into and speed is None):
        run.wait = Pace(speed or 1).wait
    sender = Sender(into) if into else None
    if sender is not None:
        run.send = click.get_current_context().with_resource(closing(sender)).send
    entries = run.run([(file.name, file.read1) for file in files])
    if as_facts:
        click.echo(case.text(case.facts(run, entries)), nl=False)
    else:
        count = write_lines((event_text(settings, entry.cloudevent()) for entry in entries), flush=run.wait is not None)
        if not settings.json:
            click.echo(f"{run.packets} packets, {count} events", err=True)
    if sender is not None and sender.left_out:
        click.echo(f"fibrix: {sender.left_out} frames were not sent: too long or too short for {into}", err=True)
    for said in (*run.notes, *run.faults):
        click.echo(f"fibrix: {said}", err=True)
    if run.faults:
        click.get_current_context().exit(EXIT_FAILED)


@cli.command(cls=FibrixCommand)
@click.argument("interface")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--seconds", type=click.FloatRange(min=0), help="Record for so long.  [default: until Ctrl-C]")
@click.option("--count", type=click.IntRange(min=1), help="Record so many frames at most.")
@click.option(
    "--filter-what-fibrix-reads", "read_only", is_flag=True, help="Only what the sniffer reads; nothing that is sent."
)
@click.option("--scrub", is_flag=True, help="Put made-up ones in the place of serial numbers and UUIDs.")
@click.option("--scrub-macs", is_flag=True, help="And of the last three octets of MACs.")
@click.option("--origin", default="", help="For the facts beside it: where and with what it was made.")
@click.option("--firmware", default="", help="For the facts: the program or firmware that is heard, with its version.")
@click.option("--licence", default="", help="For the facts: under which licence it may be copied.")
@pass_settings
def capture(
    settings: Settings, /, *, interface: str, file: Path, origin: str, firmware: str, licence: str, **wanted: Any
) -> None:
    """Record frames of INTERFACE into FILE.pcap, and write FILE.toml: where it is from, what a replay tells of it."""
    from fibrix.app.capture import Wanted  # noqa: PLC0415 - see `serve`
    from fibrix.app.capture import capture as record  # noqa: PLC0415

    facts = {"origin": origin, "firmware": firmware, "licence": licence}
    done = record(interface, file, Wanted(**wanted), facts)
    emit(settings, done.told(), lambda: click.echo("\n".join(done.lines())))


def main() -> None:
    """Run the command line."""
    cli(prog_name="fibrix")


if __name__ == "__main__":
    main()
