"""Looking files up for machines: the right one, and nothing from outside the folders."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.errors import InvalidError, NotFoundError
from fibrix.runtime.files import BootFiles, relative_name


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    own, debian = tmp_path / "own", tmp_path / "debian"
    own.mkdir()
    debian.mkdir()
    (debian / "ipxe.efi").write_bytes(b"debian")
    (tmp_path / "secret").write_bytes(b"secret")
    return own, debian


def read(files: BootFiles, name: str) -> bytes:
    file = files.open(name)
    with file.handle:
        content = file.handle.read()
    assert len(content) == file.size
    return content


def test_the_operators_own_file_comes_before_debians(folders: tuple[Path, Path]) -> None:
    files = BootFiles(folders)
    assert read(files, "ipxe.efi") == b"debian"
    (folders[0] / "ipxe.efi").write_bytes(b"newer")
    assert read(files, "ipxe.efi") == b"newer"


@pytest.mark.parametrize("name", ["/ipxe.efi", "\\ipxe.efi", "./ipxe.efi", "//ipxe.efi", ".\\\\ipxe.efi"])
def test_absolute_names_and_backslashes_are_below_the_folders(folders: tuple[Path, Path], name: str) -> None:
    file = BootFiles(folders).open(name)
    with file.handle:
        assert file.name == "ipxe.efi"


@pytest.mark.parametrize(
    "name", ["../secret", "/../secret", "a/../../secret", "..\\secret", "", "/", ".", "a\0b", "a\nb"]
)
def test_a_name_that_leads_out_is_refused(folders: tuple[Path, Path], name: str) -> None:
    with pytest.raises(InvalidError):
        BootFiles(folders).find(name)


def test_a_name_longer_than_any_file_has_is_refused(folders: tuple[Path, Path]) -> None:
    with pytest.raises(InvalidError):
        BootFiles(folders).find("x" * 256)


@pytest.mark.parametrize("link", ["relative", "absolute", "folder"])
def test_a_link_that_leads_out_is_refused(folders: tuple[Path, Path], link: str) -> None:
    own = folders[0]
    name = "link"
    match link:
        case "relative":
            (own / "link").symlink_to("../secret")
        case "absolute":
            (own / "link").symlink_to(own.parent / "secret")
        case _:
            (own / "out").symlink_to("..")
            name = "out/secret"
    with pytest.raises(InvalidError, match="leads out"):
        BootFiles(folders).open(name)


def test_a_link_from_one_folder_to_the_other_is_followed(folders: tuple[Path, Path]) -> None:
    (folders[0] / "boot.efi").symlink_to(folders[1] / "ipxe.efi")
    assert read(BootFiles(folders), "boot.efi") == b"debian"


@pytest.mark.parametrize("kind", ["none", "folder", "fifo", "loop", "dangling", "below a file"])
def test_what_is_no_regular_file_is_not_found(folders: tuple[Path, Path], kind: str) -> None:
    path = folders[0] / "x"
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "loop":
            path.symlink_to("x")
        case "dangling":
            path.symlink_to("nothing")
        case _:
            pass
    with pytest.raises(NotFoundError):
        BootFiles(folders).open("ipxe.efi/x" if kind == "below a file" else "x")


def test_missing_folders_are_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        BootFiles([tmp_path / "nowhere"]).open("x")


@given(st.text("a./\\\0 \u00e4", max_size=20))
def test_any_name_is_refused_or_stays_below(name: str) -> None:
    try:
        relative = relative_name(name)
    except InvalidError:
        return
    assert not relative.startswith("/")
    assert not {"..", ".", ""} & set(relative.split("/"))


def test_a_link_of_a_package_may_lead_out_and_one_of_the_operator_may_not(tmp_path: Path) -> None:
    outside, packaged, own = tmp_path / "boot", tmp_path / "packaged", tmp_path / "own"
    for folder in (outside, packaged, own):
        folder.mkdir()
    (outside / "ipxe.efi").write_bytes(b"iPXE")
    (packaged / "ipxe.efi").symlink_to(outside / "ipxe.efi")
    files = BootFiles((own,), packaged=(packaged,))
    assert files.find("ipxe.efi") == outside / "ipxe.efi"
    (own / "ipxe.efi").symlink_to(outside / "ipxe.efi")
    with pytest.raises(InvalidError, match="leads out"):
        files.find("ipxe.efi")
