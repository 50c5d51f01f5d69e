"""`fibrix ephemeral` and `fibrix image build`: made on this machine; no controller is needed."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import msgspec

from fibrix.cli.groups import FibrixGroup
from fibrix.cli.settings import DEFAULT_STATE_DIR, Settings, pass_settings
from fibrix.cli.show import emit, facts, size

if TYPE_CHECKING:
    from fibrix.config import Config

F = TypeVar("F", bound=Callable[..., object])

DEFAULT_CONFIG: Final = Path("/etc/fibrix/fibrix.toml")

config_option = click.option(
    "--config",
    "config_path",
    envvar="FIBRIX_CONFIG",
    type=click.Path(path_type=Path),
    help=f"The configuration file.  [default: {DEFAULT_CONFIG} if it is there, else the defaults]",
)
refresh_option = click.option("--refresh", is_flag=True, help="Fetch the packages anew, for what Debian has mended.")


@click.group(cls=FibrixGroup)
def ephemeral() -> None:
    """The ephemeral OS: what machines run from RAM while they are commissioned, tested and deployed."""


@ephemeral.command("build")
@config_option
@refresh_option
@pass_settings
def ephemeral_build(settings: Settings, *, config_path: Path | None, refresh: bool) -> None:
    """Build the ephemeral OS, or find that it is up to date."""
    from fibrix.ephemeral.build import build  # noqa: PLC0415 - only for who builds

    config = read_config(settings, config_path)
    work = build(
        config.ephemeral, boot_dir=config.boot_dir, cache_dir=config.cache_dir, progress=Steps(), refresh=refresh
    )
    built = msgspec.to_builtins(asyncio.run(work))
    emit(settings, built, lambda: _print_ephemeral(built))


@ephemeral.command("status")
@config_option
@pass_settings
def ephemeral_status(settings: Settings, *, config_path: Path | None) -> None:
    """Say which ephemeral OS machines get. Exit status 1: there is none."""
    from fibrix.ephemeral.build import latest  # noqa: PLC0415 - only for who builds

    config = read_config(settings, config_path)
    folder = config.boot_dir / "ephemeral" / latest(config.boot_dir)
    built = msgspec.json.decode((folder / "manifest.json").read_bytes())
    emit(settings, built, lambda: _print_ephemeral(built))


@click.group("build", cls=FibrixGroup)
def image_build() -> None:
    """Build an image on this machine."""


@image_build.command("debian")
@click.option("--name", default="debian-12", show_default=True, help="Name of the image.")
@config_option
@refresh_option
@pass_settings
def build_debian_image(settings: Settings, *, name: str, config_path: Path | None, refresh: bool) -> None:
    """Build a Debian image for whole disks: BIOS and UEFI, cloud-init, SSH."""
    from fibrix.ephemeral.image.build import build_debian  # noqa: PLC0415 - only for who builds

    config = read_config(settings, config_path)
    work = build_debian(
        config.ephemeral,
        images_dir=config.images_dir,
        cache_dir=config.cache_dir,
        name=name,
        fresh=refresh,
        progress=Steps(),
    )
    built = msgspec.to_builtins(asyncio.run(work))
    emit(settings, built, lambda: facts((("image", built["name"]), ("download", size(built["compressed_bytes"])))))


class Steps:
    """Prints each step of a build on stderr, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, words: str) -> None:
        """Print one."""
        click.echo(f"{time.monotonic() - self._began:8.1f} s  {words}", err=True)


def read_config(settings: Settings, path: Path | None) -> "Config":
    """Read the configuration; --state-dir wins over it. Raises ConfigError."""
    from fibrix.config import Config, load  # noqa: PLC0415 - only for who builds

    known = path or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    environ = dict(os.environ)
    if settings.state_dir != DEFAULT_STATE_DIR:
        environ["FIBRIX_STATE_DIR"] = str(settings.state_dir)
    if known is not None:
        return load(known, environ)
    return Config(state_dir=settings.state_dir)


def _print_ephemeral(built: dict[str, Any]) -> None:
    facts(
        (
            ("ephemeral OS", built["id"]),
            ("kernel", built["kernel"]),
            ("download", size(built["vmlinuz_bytes"] + built["initrd_bytes"])),
            ("in memory", size(built["unpacked_bytes"])),
        )
    )
