"""Images on disk: one folder each, `manifest.json` and the file that it names."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fibrix.domain.image import ImageManifest, check_name, decode_manifest
from fibrix.errors import InvalidError, NotFoundError, StoreError

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image as it is found: its manifest and file, or the reason why it cannot be used."""

    name: str
    path: Path  # of the compressed file; of the folder where the image is broken
    manifest: ImageManifest | None
    fault: str = ""  # why it cannot be used; empty: it can


class Images:
    """Reads the folders whenever it is asked: there are few, and operators may copy one in by hand."""

    def __init__(self, images_dir: Path) -> None:
        self._dir = images_dir

    def all(self) -> list[StoredImage]:
        """All images by name, broken ones with the reason. Raises StoreError when the folder cannot be read."""
        try:
            folders = sorted(p for p in self._dir.iterdir() if p.is_dir() and not p.name.startswith("."))
        except FileNotFoundError:
            return []  # nothing was built yet
        except OSError as exc:
            raise StoreError(f"read the images in {self._dir}: {exc.strerror}") from exc
        return [_read(folder) for folder in folders]

    def get(self, name: str) -> StoredImage:
        """One image that can be used. Raises NotFoundError; InvalidError with the reason when it is broken."""
        image = self.find(name)
        if image.manifest is None:
            raise InvalidError(f"image {name} cannot be used: {image.fault}")
        return image

    def delete(self, name: str) -> None:
        """Remove an image, broken or not. Raises NotFoundError, StoreError."""
        self.find(name)
        try:
            shutil.rmtree(self._dir / name)
        except OSError as exc:
            raise StoreError(f"delete image {name}: {exc.strerror}") from exc

    def find(self, name: str) -> StoredImage:
        """One image, whether it can be used or not. Raises NotFoundError."""
        try:
            folder = self._dir / check_name(name)
        except InvalidError as exc:
            raise NotFoundError(f"there is no image {name!r}") from exc
        if not folder.is_dir():
            raise NotFoundError(f"there is no image {name!r}; `fibrix image list` shows those that are there")
        return _read(folder)


def _read(folder: Path) -> StoredImage:
    try:
        manifest = decode_manifest((folder / MANIFEST).read_bytes(), name=folder.name)
        file = folder / manifest.file
        size = file.stat().st_size
    except InvalidError as exc:
        return StoredImage(folder.name, folder, None, str(exc))
    except OSError as exc:
        return StoredImage(folder.name, folder, None, f"{exc.filename}: {exc.strerror}")
    if size != manifest.compressed_bytes:
        fault = f"{manifest.file} has {size} bytes, its manifest says {manifest.compressed_bytes}"
        return StoredImage(folder.name, folder, None, fault)
    return StoredImage(folder.name, file, manifest)
