"""Restoring a backup, with what there is to say about it."""

from collections.abc import Callable
from pathlib import Path

from fibrix.runtime.archive import Manifest
from fibrix.store.images import Images
from fibrix.store.restore import Replaced, Restoration, restoring


def restore(
    file: Path, state_dir: Path, key: Path | None, *, say: Callable[[str], None], agreed: Callable[[], bool]
) -> bool:
    """Check a backup, say what it would replace, and replace it when that is agreed to; tells whether it was.

    Raises InvalidError (the backup, the key), StoreError (a controller runs there, the disk).
    """
    with restoring(file, state_dir, state_dir / "scripts", key) as found:
        for line in _plan(found):
            say(line)
        if not agreed():
            return False
        found.carry_out()
        for kept in found.kept:
            say(f"kept: {kept}")
        for line in _after(found, Images(state_dir / "images")):
            say(line)
    return True


def _plan(found: Restoration) -> list[str]:
    manifest = found.manifest
    return [
        f"backup of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC by Fibrix {manifest.fibrix}",
        f"its newest event is number {manifest.journal_head}; {found.key} opens its secrets",
        *(f"replaces: {_shown(one)}" for one in found.replaced),
        "ends all sessions of browsers; API keys, passwords and idempotency keys are as they were then",
    ]


def _shown(one: Replaced) -> str:
    if one.bytes is None or one.changed_at is None:
        return f"{one.path} (not there now)"
    return f"{one.path} ({one.bytes} bytes, changed {one.changed_at:%Y-%m-%d %H:%M:%S} UTC)"


def _after(found: Restoration, images: Images) -> list[str]:
    lines = []
    if found.config is not None:
        lines.append(f"the configuration of then is in {found.config}: compare it with yours")
    if missing := _missing(found.manifest, images):
        lines.append(f"images that were there then and are not now: {', '.join(missing)}")
    return [*lines, "restored: start the controller"]


def _missing(manifest: Manifest, images: Images) -> list[str]:
    there = {image.name for image in images.all() if image.manifest is not None}
    return [image.name for image in manifest.images if image.name not in there]
