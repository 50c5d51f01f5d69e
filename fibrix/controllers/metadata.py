"""What installed systems read about themselves, and their report: the end of a deployment."""

import hmac
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.ports import Keys, Store
from fibrix.controllers.settle import Settler
from fibrix.domain.machine import Deployment, Machine, Stage
from fibrix.domain.progress import reach
from fibrix.errors import NotFoundError
from fibrix.events.machine import MachineEvent, Reported


class MetadataController:
    """Fits `domain.ports.agents.Metadata`."""

    def __init__(
        self, store: Store, lifecycle: Lifecycle, settler: Settler, keys: Keys, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._settler = settler
        self._lifecycle = lifecycle
        self._keys = keys
        self._now = now

    def instance(self, secret: str) -> tuple[Machine, Deployment]:
        """Find the deployment that owns this URL. Raises NotFoundError."""
        for machine in self._store.machines():
            deployment = machine.deployment
            if deployment and hmac.compare_digest(self._keys.derive(f"instance/{deployment.instance}"), secret):
                return machine, deployment
        raise NotFoundError("no deployment has this URL (any more)")

    async def report(self, secret: str, hostname: str, data: dict[str, str]) -> None:
        """Take the installed system's report; again changes nothing. Raises NotFoundError."""
        machine, _ = self.instance(secret)
        await self._lifecycle.change(machine.id, lambda m: self._reported(m, hostname, data))
        await self._settler.settle(machine.id)

    def _reported(self, machine: Machine, hostname: str, data: dict[str, str]) -> tuple[Machine, list[MachineEvent]]:
        deployment = machine.deployment
        if deployment is None or deployment.reported_at or not deployment.written:
            return machine, []
        now = self._now()
        boot = machine.boot and reach(machine.boot, Stage.DONE, now, f"reported in as {hostname}")
        said = Reported(at=now, machine=machine.id, name=machine.name, hostname=hostname, data=dict(data))
        return replace(machine, boot=boot, deployment=replace(deployment, reported_at=now)), [said]
