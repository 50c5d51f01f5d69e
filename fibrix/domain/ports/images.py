"""What the API asks of the region about images."""

from collections.abc import Sequence
from typing import Protocol

from fibrix.domain.image import ImageManifest


class FoundImage(Protocol):
    """An image as it is found on disk: its manifest, or why it cannot be used."""

    @property
    def name(self) -> str:
        """What a deployment names."""
        ...

    @property
    def manifest(self) -> ImageManifest | None:
        """All about it; None where it cannot be used."""
        ...

    @property
    def fault(self) -> str:
        """Why it cannot be used; empty: it can."""
        ...


class Images(Protocol):
    """The images, those that can be deployed and those that are broken."""

    async def all(self) -> Sequence[FoundImage]:
        """All images, by name. Raises StoreError."""
        ...

    async def delete(self, name: str) -> None:
        """Remove its files. Raises NotFoundError, ConflictError (a machine is being deployed with it), StoreError."""
        ...
