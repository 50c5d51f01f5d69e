"""`fibrix backup`: everything that the controller knows, in one file."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from fibrix.cli.groups import FibrixCommand
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import emit, size
from fibrix.errors import ClientError
from fibrix.runtime.archive import Manifest, unpack

_COPY_S: Final = 1800.0  # the controller copies everything before it sends the first byte


@click.command("backup", cls=FibrixCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--with-key", is_flag=True, help="Put the controller's key in: whoever has the file has all secrets.")
@click.option("--force", is_flag=True, help="Replace FILE where it is there.")
@pass_settings
def backup(settings: Settings, *, file: Path, with_key: bool, force: bool) -> None:
    """Copy everything that a running controller knows into FILE, checked; only you can read it.

    Without --with-key the passwords of BMCs in it stay sealed: keep a copy of secret.key elsewhere. `fibrix restore`
    puts a backup back.
    """
    if str(file) == "-" or file.is_char_device():
        raise click.UsageError("a backup goes into a file of its own, never to a terminal")
    if file.exists() and not force:
        raise click.UsageError(f"{file} is there already: choose another name, or --force")
    draft = file.with_name(f".{file.name}.part")
    try:
        manifest, bytes_sent = _fetched(settings, draft, with_key=with_key)
        draft.replace(file)
    except OSError as exc:
        raise ClientError(f"cannot write {file}: {exc.strerror}", status=1) from exc
    finally:
        with suppress(OSError):
            draft.unlink()
    told = {"file": str(file), "bytes": bytes_sent, "head": manifest.journal_head, "with_key": with_key}
    emit(settings, told, lambda: _say(file, bytes_sent, manifest))


def _fetched(settings: Settings, draft: Path, *, with_key: bool) -> tuple[Manifest, int]:
    """Get it and check it whole. Raises ClientError, InvalidError, OSError."""
    draft.unlink(missing_ok=True)
    client = settings.client(timeout_s=_COPY_S)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
        bytes_sent = client.download("backup", sink, query={"with_key": "true"} if with_key else {})
        sink.flush()
        os.fsync(sink.fileno())
    return unpack(draft, None), bytes_sent


def _say(file: Path, bytes_sent: int, manifest: Manifest) -> None:
    click.echo(f"{file}: {size(bytes_sent)}, up to event {manifest.journal_head}, checked")
    if manifest.with_key:
        click.echo("the controller's key is in it: whoever can read the file can read every secret", file=sys.stderr)
    else:
        click.echo("secret.key is not in it: keep a copy of that elsewhere", file=sys.stderr)
