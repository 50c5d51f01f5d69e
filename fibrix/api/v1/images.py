"""/api/v1/images: what can be deployed."""

import msgspec

from fibrix.api.listing import ListQuery, Page, listing
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.image import ImageManifest
from fibrix.domain.ports.images import FoundImage, Images
from fibrix.errors import ConflictError, NotFoundError

BASE = "/api/v1/images"
ONE = BASE + "/{name}"


class ImageView(msgspec.Struct, frozen=True, kw_only=True):
    """An image: its manifest, or why it cannot be used."""

    name: str
    fault: str  # empty: it can be used
    manifest: ImageManifest | None

    @classmethod
    def of(cls, image: FoundImage) -> "ImageView":
        """Show an image."""
        return cls(name=image.name, fault=image.fault, manifest=image.manifest)


class ImageRoutes:
    """Images."""

    def __init__(self, images: Images) -> None:
        self._images = images

    def routes(self) -> list[Route]:
        """The part of the route table."""
        return [
            Route("GET", BASE, self.listing, Permission.READ, "List images, broken ones too"),
            Route("GET", ONE, self.get, Permission.READ, "Show an image", (NotFoundError,)),
            Route(
                "DELETE",
                ONE,
                self.delete,
                Permission.OPERATE,
                "Delete an image's files",
                (NotFoundError, ConflictError),
                204,
                outward=True,
            ),
        ]

    async def listing(self, call: Call[Nothing, ListQuery]) -> Reply[Encoded[Page[ImageView]]]:
        """By name."""
        views = [ImageView.of(image) for image in await self._images.all()]
        return listing(ImageView, views, call.query, lambda view: view.name)

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[ImageView]:
        """One of them."""
        name = call.path["name"]
        for image in await self._images.all():
            if image.name == name:
                return Reply(ImageView.of(image))
        raise NotFoundError(f"there is no image {name!r}: `fibrix image list` shows those that are there")

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Machines that have it installed keep running."""
        await self._images.delete(call.path["name"])
        return Reply(None)
