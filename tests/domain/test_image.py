import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibrix.domain.image import ImageManifest, OperatingSystem, check_name, decode_manifest, encode_manifest
from fibrix.errors import InvalidError

MANIFEST = ImageManifest(
    name="debian-12",
    title="Debian 12 (bookworm)",
    file="0123.raw.zst",
    sha256="0" * 64,
    compressed_bytes=1,
    size_bytes=2,
    os=OperatingSystem(id="debian", version="12"),
    built_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert decode_manifest(encode_manifest(MANIFEST), name="debian-12") == MANIFEST


def test_a_manifest_is_for_people_to_read_too() -> None:
    assert '\n  "title": "Debian 12 (bookworm)",\n' in encode_manifest(MANIFEST).decode()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "other"}, "its name is 'other'"),
        ({"file": "../../etc/shadow"}, "is no file name"),
        ({"file": ""}, "is no file name"),
        ({"file": ".."}, "is no file name"),
        ({"sha256": "xyz"}, "sha256 is not 64 hex digits"),
        ({"compressed_bytes": 0}, "a size is not above zero"),
        ({"size_bytes": -1}, "a size is not above zero"),
        ({"format": "qcow2"}, "format"),
        ({"os": "debian"}, r"\$\.os"),
    ],
)
def test_a_broken_manifest_is_refused_with_the_image_and_the_fault(change: dict[str, Any], told: str) -> None:
    text = json.dumps(json.loads(encode_manifest(MANIFEST)) | change).encode()
    with pytest.raises(InvalidError, match=rf"^manifest of image debian-12: .*{told}"):
        decode_manifest(text, name="debian-12")


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(InvalidError):
        decode_manifest(data, name="debian-12")


@pytest.mark.parametrize("name", ["debian-12", "windows_2022.core", "0"])
def test_names_that_can_be_folders_and_stand_in_urls(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "A", "a b", "a" * 64, "ü", "a\n"])
def test_names_that_cannot(name: str) -> None:
    with pytest.raises(InvalidError, match="cannot be an image's name"):
        check_name(name)
