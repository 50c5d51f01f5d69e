"""Webhooks on a real store, delivered over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fibrix.app.shared import Shared
from fibrix.app.webhooks import Postal, build_webhooks
from fibrix.bus import Bus
from fibrix.config import Config, WebhooksConfig
from fibrix.controllers.heard import Heard
from fibrix.domain.access import GRANTS, REGION, Caller, Role
from fibrix.domain.account import Tenant, User
from fibrix.domain.ports.webhooks import WebhookSpec
from fibrix.domain.rack import RackSnapshot
from fibrix.domain.webhook import Webhook
from fibrix.events.controller import SshKeyAdded
from fibrix.runtime.cell import Cell
from fibrix.runtime.clock import utc_now
from fibrix.store.region import Region, RegionUnit, open_region
from fibrix.types import TenantId, UserId
from tests.support.receiver import Receiver

ACME: Final = TenantId("t000000001")
GLOBEX: Final = TenantId("t000000002")
QUICK: Final = WebhooksConfig(
    allow=("127.0.0.0/8",),
    tenant_allow=("127.0.0.0/8",),
    first_pause_s=0.02,
    most_pause_s=0.1,
    hold_s=60.0,
    timeout_s=0.4,
)


def caller_of(role: Role, tenant: TenantId = REGION) -> Caller:
    """A user of that role, as the API lets them in."""
    name = f"{role.value}-{tenant}"
    return Caller(user=UserId(f"u-{name}"), name=name, role=role, tenant=tenant, may=GRANTS[role])


OPERATOR: Final = caller_of(Role.OPERATOR)
ANN: Final = caller_of(Role.TENANT, ACME)
BOB: Final = caller_of(Role.TENANT, GLOBEX)


@dataclass
class Office:
    """A region with its webhooks."""

    region: Region
    postal: Postal
    bus: Bus

    async def tell(self, *names: str, tenant: TenantId = REGION) -> list[str]:
        """Have an event for each name, in one transaction; gives their CloudEvents ids."""

        def work(unit: RegionUnit) -> None:
            for name in names:
                unit.append(SshKeyAdded(at=utc_now(), tenant=tenant, name=name, fingerprint="SHA256:x"))

        await self.region.change(work)
        head = self.region.journal.head
        return [str(number) for number in range(head - len(names) + 1, head + 1)]

    async def hook(self, receiver: Receiver, caller: Caller = OPERATOR, **fields: Any) -> Webhook:
        """Make a webhook for the receiver, which learns its secret."""
        spec = WebhookSpec(**({"name": "billing", "url": receiver.url} | fields))
        webhook, secret = await self.postal.controller.create(caller, spec)
        receiver.secrets = [secret]
        return webhook

    async def types(self) -> list[str]:
        """The types of all events so far."""
        return [entry.type for entry in await self.region.journal.since(0)]

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run the service for as long as the block runs."""
        async with asyncio.TaskGroup() as group:
            ready = asyncio.Event()
            task = group.create_task(self.postal.service.run(ready))
            await ready.wait()
            yield task
            task.cancel()


@asynccontextmanager
async def office(state_dir: Path, config: WebhooksConfig = QUICK) -> AsyncIterator[Office]:
    """Open it; leaving the block is a stop."""
    bus = Bus()
    async with open_region(state_dir, bus) as region:
        await region.change(_settle) if not region.of(User).all() else None
        shared = Shared(
            config=Config(state_dir=state_dir, webhooks=config),
            bus=bus,
            snapshot=Cell(RackSnapshot()),
            heard=Heard(utc_now),
        )
        yield Office(region, build_webhooks(shared, region), bus)


def _settle(unit: RegionUnit) -> None:
    """Let the callers be users, and their tenants be there."""
    for tenant in (ACME, GLOBEX):
        unit.of(Tenant).insert(Tenant(id=tenant, name=f"name-of-{tenant}", created_at=utc_now()))
    for caller in (OPERATOR, ANN, BOB):
        assert caller.role is not None
        user = User(id=caller.user, name=caller.name, role=caller.role, tenant=caller.tenant, created_at=utc_now())
        unit.of(User).insert(user)
