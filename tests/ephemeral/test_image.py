import json
import os
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from fibrix.config import EphemeralConfig
from fibrix.domain.image import ImageManifest, OperatingSystem, encode_manifest
from fibrix.ephemeral.image import build_debian, grub
from fibrix.ephemeral.image.build import _alone, _publish
from fibrix.ephemeral.image.disk import MIB, ROOT_PARTITION, Layout, fstab, layout_for, make_disk
from fibrix.ephemeral.image.recipe import Recipe
from fibrix.errors import BuildError
from fibrix.store.images import Images


@pytest.fixture
def config(tmp_path: Path) -> EphemeralConfig:
    """Sources that are no Debian: a build that begins with them fails."""
    sources = tmp_path / "no.sources"
    sources.write_text("Types: deb\nURIs: file:/nonexistent/debian\nSuites: bookworm\nComponents: main\n")
    return EphemeralConfig(apt_sources=(sources,))


def manifest(content: str, sha256: str = "a" * 64) -> ImageManifest:
    return ImageManifest(
        name="debian-12",
        title="Debian 12 (bookworm)",
        file=f"{sha256[:16]}.raw.zst",
        sha256=sha256,
        compressed_bytes=5,
        size_bytes=MIB,
        os=OperatingSystem(id="debian", version="12"),
        built_at=datetime(2026, 1, 1, tzinfo=UTC),
        content=content,
    )


def put(images: Path, built: ImageManifest) -> None:
    packed = images.parent / "packed"
    packed.write_bytes(b"image")
    _publish(images / built.name, packed, built, {"bash": "5.2"})


def test_what_goes_in_decides_the_content(config: EphemeralConfig) -> None:
    plain = Recipe.debian(config).content
    assert Recipe.debian(config).content == plain
    assert Recipe.debian(msgspec.structs.replace(config, kernel="linux-image-cloud-amd64")).content != plain
    assert Recipe.debian(msgspec.structs.replace(config, firmware=("firmware-bnx2",))).content != plain


def test_the_boot_sector_and_the_core_image_find_each_other() -> None:
    boot, core = grub.patch(bytes(512), bytes(2048), core_sector=2048)
    assert struct.unpack_from("<Q", boot, 0x5C) == (2048,)
    assert boot[0x66:0x68] == b"\x90\x90"
    assert len(boot) == 440  # what follows is the partition table's
    assert struct.unpack_from("<Q", core, 512 - 12) == (2049,)
    assert len(core) == 2048


async def test_a_disk_holds_what_each_partition_is_for(tmp_path: Path) -> None:
    tree, disk = tmp_path / "root", tmp_path / "disk.raw"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/greeting").write_text("hello")
    efi = tmp_path / "core.efi"
    efi.write_bytes(b"MZ uefi core")
    layout = layout_for("0" * 32, 4 * MIB)
    await make_disk(layout, tree, grub.Cores(b"B" * 512, b"C" * 4096, efi), disk)
    assert disk.stat().st_size == layout.size_mib * MIB
    assert "No errors detected." in tool("sfdisk", "--verify", disk)
    table = json.loads(tool("sfdisk", "--json", disk))["partitiontable"]
    assert [part["name"] for part in table["partitions"]] == ["BIOS boot", "EFI system", "root"]
    starts = [part["start"] * 512 for part in table["partitions"]]
    assert starts == [layout.bios_boot_mib * MIB, layout.esp_mib * MIB, layout.root_start_mib * MIB]
    raw = disk.read_bytes()
    assert (raw[:4], raw[510:512], raw[starts[0] :][:4]) == (b"BBBB", b"\x55\xaa", b"CCCC")
    assert tool("mtype", "-i", f"{disk}@@{starts[1]}", "::/EFI/BOOT/BOOTX64.EFI") == "MZ uefi core"
    root = f"{disk}?offset={starts[ROOT_PARTITION - 1]}"
    assert tool("debugfs", "-R", "cat /etc/greeting", root) == "hello"
    assert f"Filesystem UUID:          {layout.uuid('root file system')}" in tool("dumpe2fs", "-h", root)


async def test_equal_content_makes_equal_ids_and_other_content_others() -> None:
    one, other = Layout("1", root_mib=100), Layout("2", root_mib=100)
    assert fstab(one) == fstab(Layout("1", root_mib=100))
    assert fstab(one) != fstab(other)
    assert one.uuid("disk") != one.uuid("root")


def test_a_new_image_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    images = tmp_path / "images"
    put(images, manifest("old", "a" * 64))
    put(images, manifest("new", "b" * 64))
    found = Images(images).get("debian-12")
    assert found.manifest == manifest("new", "b" * 64)
    assert sorted(path.name for path in (images / "debian-12").iterdir()) == [
        "b" * 16 + ".raw.zst",
        "manifest.json",
        "packages.txt",
    ]


async def test_an_image_of_the_same_content_is_not_built_again(tmp_path: Path, config: EphemeralConfig) -> None:
    built = manifest(Recipe.debian(config).content)
    put(tmp_path / "images", built)
    told: list[str] = []
    assert await build_debian(
        config, images_dir=tmp_path / "images", cache_dir=tmp_path / "cache", progress=told.append
    ) == (built)
    assert told == ["debian-12 is there already, built 2026-01-01 00:00 from the same recipe"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it makes a root file system")
@pytest.mark.parametrize("why", ["fresh", "other content", "cut short", "broken"])
async def test_a_build_that_fails_says_where_and_leaves_what_was_there(
    tmp_path: Path, config: EphemeralConfig, why: str
) -> None:
    images = tmp_path / "images"
    put(images, manifest("other" if why == "other content" else Recipe.debian(config).content))
    folder = images / "debian-12"
    if why == "cut short":
        (folder / manifest("").file).write_bytes(b"imag")
    if why == "broken":
        (folder / "manifest.json").write_bytes(encode_manifest(manifest(""))[:-20])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(BuildError, match="install Debian's packages: mmdebstrap ended with exit status"):
        await build_debian(
            config, images_dir=images, cache_dir=tmp_path / "cache", fresh=why == "fresh", progress=lambda _: None
        )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not (tmp_path / "cache/image-work").exists()


async def test_two_builds_do_not_meet(tmp_path: Path, config: EphemeralConfig) -> None:
    with _alone(tmp_path / "cache"), pytest.raises(BuildError, match="another build of an image is under way"):
        await build_debian(config, images_dir=tmp_path, cache_dir=tmp_path / "cache", progress=lambda _: None)


async def test_a_build_begins_with_nothing_of_one_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "image-work/root").mkdir(parents=True)
    with _alone(tmp_path) as work:
        assert list(work.iterdir()) == []


async def test_a_disk_that_is_full_is_told_with_the_step(tmp_path: Path) -> None:
    tree, efi = tmp_path / "root", tmp_path / "core.efi"
    tree.mkdir()
    (tree / "large").write_bytes(os.urandom(8 * MIB))
    efi.write_bytes(b"MZ")
    with pytest.raises(BuildError, match=r"make the root file system: mkfs\.ext4 ended with"):
        await make_disk(Layout("0" * 32, root_mib=8), tree, grub.Cores(bytes(512), bytes(512), efi), tmp_path / "disk")


def tool(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
