from pathlib import Path

import msgspec
import pytest

from fibrix.domain.image import encode_manifest
from fibrix.errors import InvalidError, NotFoundError
from fibrix.store.images import Images
from tests.domain.test_image import MANIFEST


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "debian-12"
    folder.mkdir()
    (folder / MANIFEST.file).write_bytes(b"x")
    (folder / "manifest.json").write_bytes(encode_manifest(MANIFEST))
    return folder


def test_an_image_is_found_with_its_file(tmp_path: Path, folder: Path) -> None:
    image = Images(tmp_path).get("debian-12")
    assert (image.manifest, image.path, image.fault) == (MANIFEST, folder / MANIFEST.file, "")


def test_no_folder_is_no_images(tmp_path: Path) -> None:
    assert Images(tmp_path / "none").all() == []


def test_all_are_listed_by_name_and_what_is_being_made_is_not(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / ".being-made").mkdir()
    (tmp_path / "a-file").touch()
    assert [image.name for image in Images(tmp_path).all()] == ["broken", "debian-12"]


def test_a_folder_without_a_manifest_is_broken_and_says_why(tmp_path: Path, folder: Path) -> None:
    (folder / "manifest.json").unlink()
    image = Images(tmp_path).all()[0]
    assert image.manifest is None
    assert "manifest.json: No such file or directory" in image.fault


def test_a_manifest_that_cannot_be_read_is_told_with_its_fault(tmp_path: Path, folder: Path) -> None:
    (folder / "manifest.json").write_text("{")
    with pytest.raises(InvalidError, match="image debian-12 cannot be used: manifest of image debian-12: "):
        Images(tmp_path).get("debian-12")


def test_a_file_that_was_cut_short_is_told(tmp_path: Path, folder: Path) -> None:
    (folder / "manifest.json").write_bytes(
        encode_manifest(msgspec.structs.replace(MANIFEST, compressed_bytes=1000)),
    )
    assert "has 1 bytes, its manifest says 1000" in Images(tmp_path).all()[0].fault


@pytest.mark.parametrize("name", ["other", "", "..", "debian-12/../debian-12", "/etc"])
def test_a_name_that_is_not_there_is_not_found(tmp_path: Path, folder: Path, name: str) -> None:
    images = Images(tmp_path)
    with pytest.raises(NotFoundError):
        images.get(name)
    with pytest.raises(NotFoundError):
        images.delete(name)
    assert folder.exists()


@pytest.mark.parametrize("state", ["whole", "broken"])
def test_a_deleted_image_is_gone(tmp_path: Path, folder: Path, state: str) -> None:
    if state == "broken":
        (folder / "manifest.json").write_text("{")
    Images(tmp_path).delete("debian-12")
    assert not folder.exists()
