"""/api/v1/images: what can be deployed."""

from fibrix.api.route import Call, Nothing, Reply, Route
from fibrix.api.v1.paging import Items
from fibrix.domain.image import ImageManifest
from fibrix.domain.ports.images import Images
from fibrix.errors import ConflictError, InvalidError, NotFoundError

BASE = "/api/v1/images"
ONE = BASE + "/{name}"


class ImageRoutes:
    """Images."""

    def __init__(self, images: Images) -> None:
        self._images = images

    def routes(self) -> list[Route]:
        """The part of the route table."""
        return [
            Route("GET", BASE, self.listing, "List images"),
            Route("GET", ONE, self.get, "Show an image", (NotFoundError, InvalidError)),
            Route("DELETE", ONE, self.delete, "Delete an image's files", (NotFoundError, ConflictError), 204),
        ]

    async def listing(self, _: Call[Nothing, Nothing]) -> Reply[Items[ImageManifest]]:
        """Those whose manifests can be read."""
        return Reply(Items(items=await self._images.all()))

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[ImageManifest]:
        """One of them."""
        return Reply(await self._images.get(call.path["name"]))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Machines that have it installed keep running."""
        await self._images.delete(call.path["name"])
        return Reply(None)
