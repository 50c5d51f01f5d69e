"""`fibrix image`: what can be deployed."""

from typing import Any

import click

from fibrix.cli.groups import LazyGroup
from fibrix.cli.settings import Settings, pass_settings
from fibrix.cli.show import ago, emit, facts, size, table

MEMBERS = {"build": ("fibrix.cli.build:image_build", "Build an image on this machine.")}


@click.group(cls=LazyGroup, members=MEMBERS)
def image() -> None:
    """List, show, build and delete images."""


@image.command("list")
@pass_settings
def list_images(settings: Settings) -> None:
    """List images, broken ones with the reason."""
    found = settings.items("images")
    empty = "no images: make one with `fibrix image build debian`"
    emit(settings, found, lambda: table(("NAME", "TITLE", "DISK", "DOWNLOAD", "BUILT"), map(_row, found), empty=empty))


@image.command("show")
@click.argument("name")
@pass_settings
def show_image(settings: Settings, name: str) -> None:
    """Show an image."""
    shown = settings.client().get(f"images/{name}")
    emit(settings, shown, lambda: _print(shown))


@image.command("delete", changes=True)
@click.argument("name")
@pass_settings
def delete_image(settings: Settings, name: str) -> None:
    """Delete an image's files; machines that have it keep running."""
    settings.client().delete(f"images/{name}")
    emit(settings, None, lambda: click.echo(f"{name} is deleted"))


def _row(shown: dict[str, Any]) -> tuple[object, ...]:
    manifest = shown["manifest"]
    if manifest is None:
        return shown["name"], f"cannot be used: {shown['fault']}", "", "", ""
    sizes = size(manifest["size_bytes"]), size(manifest["compressed_bytes"])
    return shown["name"], manifest["title"], *sizes, ago(manifest["built_at"])


def _print(shown: dict[str, Any]) -> None:
    manifest = shown["manifest"] or {}
    facts(
        (
            ("name", shown["name"]),
            ("fault", shown["fault"]),
            ("title", manifest.get("title")),
            ("disk", size(manifest.get("size_bytes"))),
            ("download", size(manifest.get("compressed_bytes"))),
            ("firmware", ", ".join(manifest.get("firmware", ()))),
            ("least memory", size(manifest.get("min_memory_bytes"))),
            ("built", ago(manifest.get("built_at"))),
            ("SHA-256", manifest.get("sha256")),
        )
    )
