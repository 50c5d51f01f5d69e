"""The builder's edges: what it says when it cannot build, and that nothing half-done is left."""

from pathlib import Path

import pytest

from fibrix.config import EphemeralConfig
from fibrix.ephemeral.build import build, latest
from fibrix.errors import BuildError, NotFoundError


def test_before_the_first_build_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="fibrix ephemeral build"):
        latest(tmp_path)


@pytest.mark.timeout(60)  # apt itself starts several times
async def test_a_failed_fetch_names_its_step_and_leaves_nothing(tmp_path: Path) -> None:
    sources = tmp_path / "broken.list"
    sources.write_text(f"deb [trusted=yes] file://{tmp_path}/nowhere bookworm main\n")
    told: list[str] = []
    with pytest.raises(BuildError, match="unpack Debian's packages") as failure:
        await build(
            EphemeralConfig(apt_sources=(sources,)),
            boot_dir=tmp_path / "boot",
            cache_dir=tmp_path / "cache",
            progress=told.append,
        )
    assert "nowhere" in str(failure.value)
    assert told[0].startswith("unpacking Debian bookworm packages")
    assert list((tmp_path / "cache/ephemeral").iterdir()) == []
    assert not [path for path in (tmp_path / "boot/ephemeral").iterdir() if path.name != ".ephemeral.lock"]
