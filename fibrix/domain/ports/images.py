"""What the API asks of the region about images."""

from collections.abc import Sequence
from typing import Protocol

from fibrix.domain.image import ImageManifest


class Images(Protocol):
    """The images that can be deployed."""

    async def all(self) -> Sequence[ImageManifest]:
        """All whose manifests can be read, by name."""
        ...

    async def get(self, name: str) -> ImageManifest:
        """Find one. Raises NotFoundError, InvalidError (its manifest cannot be read)."""
        ...

    async def delete(self, name: str) -> None:
        """Remove its files. Raises NotFoundError, ConflictError (a machine is being deployed with it)."""
        ...
