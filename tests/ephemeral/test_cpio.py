"""The initrd's archive: cpio(1) and the Python standard of bytes agree on it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fibrix.ephemeral.cpio import archive, character_device, file, folder, link

ENTRIES = [
    folder("etc"),
    file("etc/empty", b""),
    file("etc/name", b"a name\n", 0o600),
    link("etc/link", "name"),
    character_device("console", 5, 1),
]


@pytest.mark.skipif(not shutil.which("cpio"), reason="needs cpio")
def test_cpio_reads_back_what_was_put_in(tmp_path: Path) -> None:
    entries = [entry for entry in ENTRIES if entry.name != "console"]
    subprocess.run(["cpio", "-i", "--quiet"], input=b"".join(archive(entries)), cwd=tmp_path, check=True)
    assert (tmp_path / "etc/name").read_bytes() == b"a name\n"
    assert (tmp_path / "etc/name").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc/empty").read_bytes() == b""
    assert (tmp_path / "etc/link").readlink() == Path("name")


@pytest.mark.skipif(not shutil.which("cpio"), reason="needs cpio")
def test_cpio_lists_the_console_as_a_device() -> None:
    listing = subprocess.run(
        ["cpio", "-tv", "--quiet"], input=b"".join(archive(ENTRIES)), capture_output=True, check=True
    )
    (console,) = [line for line in listing.stdout.decode().splitlines() if line.endswith("console")]
    assert console.startswith("crw-------")
    assert "5,   1" in console


def test_the_same_content_is_the_same_archive(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 5)
    (tmp_path / "b").write_bytes(b"x" * 5)
    first = b"".join(archive([file("f", tmp_path / "a")]))
    assert first == b"".join(archive([file("f", tmp_path / "b")]))
    assert len(first) % 4 == 0
