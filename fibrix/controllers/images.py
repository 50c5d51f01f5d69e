"""Images as the API commands them: what lies in the images' folder."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from fibrix.controllers.ports import Store
from fibrix.domain.foreseen import Foreseen
from fibrix.domain.image import ImageManifest
from fibrix.domain.ports.images import FoundImage
from fibrix.domain.state import State
from fibrix.errors import ConflictError, InvalidError
from fibrix.runtime.scope import rehearsal


class StoredImages(Protocol):
    """The folder of images. Its calls read the disk and block."""

    def all(self) -> Sequence[FoundImage]:
        """All images by name. Raises StoreError."""
        ...

    def get(self, name: str) -> FoundImage:
        """Find one that can be used. Raises NotFoundError, InvalidError."""
        ...

    def find(self, name: str) -> FoundImage:
        """Find one, whether it can be used or not. Raises NotFoundError."""
        ...

    def delete(self, name: str) -> None:
        """Remove one. Raises NotFoundError, StoreError."""
        ...


class ImageController:
    """Fits `domain.ports.images.Images`."""

    def __init__(self, images: StoredImages, store: Store) -> None:
        self._images = images
        self._store = store

    async def all(self) -> Sequence[FoundImage]:
        """All images by name, broken ones with the reason. Raises StoreError."""
        return await asyncio.to_thread(self._images.all)

    async def usable(self, name: str) -> ImageManifest:
        """Find one that can be deployed. Raises NotFoundError, InvalidError (why it cannot)."""
        image = await asyncio.to_thread(self._images.get, name)
        if image.manifest is None:
            raise InvalidError(f"image {name} cannot be used: {image.fault}", pointer="/image")
        return image.manifest

    async def delete(self, name: str) -> None:
        """Remove its files. Raises NotFoundError, ConflictError (a machine is being deployed with it)."""
        for machine in self._store.machines():
            if machine.state is State.DEPLOYING and machine.deployment and machine.deployment.image == name:
                raise ConflictError(f"{machine.name} is being deployed with {name}: wait, or abort that first")
        if (played := rehearsal()) is None:
            await asyncio.to_thread(self._images.delete, name)
            return
        await asyncio.to_thread(self._images.find, name)
        detail = "its files are removed; machines that have it installed keep running"
        played.foreseen.append(Foreseen(what="image", subject=f"images/{name}", before="there", detail=detail))
