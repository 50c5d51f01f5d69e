"""Whom Prometheus is to watch: the machines that run somebody's system."""

from collections.abc import Sequence
from typing import Final

from fibrix.controllers.ports import Store
from fibrix.domain.access import Caller
from fibrix.domain.account import Tenant
from fibrix.domain.machine import Machine
from fibrix.domain.ports.monitoring import Target
from fibrix.domain.state import State

_META: Final = "__meta_fibrix_"


class ScrapeTargets:
    """Fits `domain.ports.monitoring.Targets`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def targets(self, caller: Caller, port: int) -> Sequence[Target]:
        """The deployed machines that the caller sees, those that have an address."""
        tenants = {tenant.id: tenant.name for tenant in self._store.of(Tenant).all()}
        return [
            target(machine, tenants.get(machine.tenant, ""), port)
            for machine in self._store.machines()
            if machine.state is State.DEPLOYED and machine.address and caller.sees(machine.tenant)
        ]


def target(machine: Machine, tenant: str, port: int) -> Target:
    """Describe one. Tags are written as Prometheus writes lists: `,web,db,`, so that a regular expression finds one."""
    deployment = machine.deployment
    facts = {
        "machine_id": machine.id,
        "machine_name": machine.name,
        "hostname": deployment.hostname if deployment else "",
        "image": deployment.image if deployment else "",
        "address": machine.address,
        "mac": machine.macs[0] if machine.macs else "",
        "tenant": tenant,
        "tenant_id": machine.tenant,
        "pool": machine.pool,
        "zone": machine.zone,
        "tags": f",{','.join(machine.tags)}," if machine.tags else "",
        "power": machine.power_state.value,
    }
    return Target(targets=(f"{machine.address}:{port}",), labels={_META + name: value for name, value in facts.items()})
