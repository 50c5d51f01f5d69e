"""Begins a deployment: everything that can be known to be wrong is refused before the machine is touched."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from fibrix.controllers.hands import same_hands
from fibrix.controllers.images import ImageController
from fibrix.controllers.lifecycle import Lifecycle
from fibrix.domain.image import ImageManifest
from fibrix.domain.machine import Deployment, Disk, Machine
from fibrix.domain.names import check_host_name, opaque_id
from fibrix.domain.operation import Operation
from fibrix.domain.ports.keys import SshKeys
from fibrix.domain.ports.machines import DeploySpec
from fibrix.domain.trigger import Trigger
from fibrix.errors import InvalidError, NotFoundError
from fibrix.types import TenantId


class Deployer:
    """Checks image, disk and keys, and hands the machine to the lifecycle."""

    def __init__(
        self, lifecycle: Lifecycle, images: ImageController, ssh_keys: SshKeys, draw: Callable[[int], int]
    ) -> None:
        self._lifecycle = lifecycle
        self._images = images
        self._ssh_keys = ssh_keys
        self._draw = draw

    async def deploy(self, machine: Machine, spec: DeploySpec) -> Operation:
        """Ask for an installation. Raises ConflictError, InvalidError for an unknown image, disk or key."""
        image = await self._image(spec.image)
        _check_fit(machine, image, spec.disk)
        deployment = Deployment(
            image=image.name,
            file=f"{image.name}/{image.file}",
            sha256=image.sha256,
            size_bytes=image.size_bytes,
            disk=spec.disk,
            hostname=check_host_name(spec.hostname or machine.name, pointer="/hostname"),
            ssh_keys=self._keys(machine.tenant, spec.ssh_keys),
            user_data=spec.user_data,
            instance=opaque_id("i", self._draw),
        )
        reason = f"somebody asked to deploy {image.name}"
        look = same_hands(machine)
        return await self._lifecycle.begin(
            machine.id, Trigger.DEPLOY, reason, first=lambda unit, m: replace(look(unit, m), deployment=deployment)
        )

    async def _image(self, name: str) -> ImageManifest:
        try:
            return await self._images.usable(name)
        except NotFoundError as exc:
            known = ", ".join(i.name for i in await self._images.all() if i.manifest) or "none; build one first"
            raise InvalidError(f"no image is named {name!r}; there are: {known}", pointer="/image") from exc

    def _keys(self, tenant: TenantId, names: Sequence[str]) -> tuple[str, ...]:
        """Choose among the keys of the machine's tenant; no names: all of them. Raises InvalidError."""
        stored = {k.name: k.key for k in self._ssh_keys.of(tenant)}
        for name in names:
            if name not in stored:
                raise InvalidError(f"no SSH key is named {name!r}", pointer="/ssh_keys")
        chosen = [stored[n] for n in names] if names else list(stored.values())
        if not chosen:
            raise InvalidError("there is no SSH key: nobody could log in; add one first", pointer="/ssh_keys")
        return tuple(chosen)


def _check_fit(machine: Machine, image: ImageManifest, disk: str) -> None:
    """Refuse an image that no disk of the machine, or not the chosen one, can hold. Raises InvalidError."""
    if machine.hardware is None:
        raise InvalidError(f"{machine.name} has no inventory: commission it first")
    firmware = "uefi" if machine.uefi else "bios"
    if firmware not in image.firmware:
        raise InvalidError(f"{image.name} cannot be booted by {firmware} firmware", pointer="/image")
    fixed = [d for d in machine.hardware.disks if not d.removable]
    if disk and disk not in {d.name for d in fixed}:
        names = ", ".join(d.name for d in fixed) or "none"
        raise InvalidError(f"{machine.name} has no disk {disk!r}; it has: {names}", pointer="/disk")
    _check_size([d for d in fixed if disk in ("", d.name)], image, machine.name)


def _check_size(disks: Sequence[Disk], image: ImageManifest, name: str) -> None:
    largest = max((d.size_bytes for d in disks), default=0)
    if largest < image.size_bytes:
        raise InvalidError(
            f"{image.name} needs a disk of {image.size_bytes} bytes; the largest of {name} has {largest}",
            pointer="/disk",
        )
