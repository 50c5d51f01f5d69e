"""Quotas, held against what a tenant has as of the transaction that is about to give it more."""

from fibrix.controllers.ports import Unit
from fibrix.domain.account import Tenant
from fibrix.domain.machine import Machine
from fibrix.domain.network import Reservation
from fibrix.domain.quota import Use, check, sizes
from fibrix.types import TenantId


def check_machine(unit: Unit, tenant: TenantId, machine: Machine) -> None:
    """Refuse a machine, with its addresses, that the tenant's quota does not allow. Raises QuotaError."""
    reservations = unit.reservations()
    use = sizes(unit.machines(tenant=tenant), reservations)
    check(unit.of(Tenant).read(tenant).quota, use, sizes((machine,), reservations))


def check_reservation(unit: Unit, machine: Machine, reservation: Reservation) -> None:
    """Refuse another address for a machine that its tenant's quota does not allow. Raises QuotaError."""
    if not machine.tenant:
        return
    machines, reservations = unit.machines(tenant=machine.tenant), unit.reservations()
    use = sizes(machines, reservations)
    more = sizes(machines, [*reservations, reservation]).addresses - use.addresses
    check(unit.of(Tenant).read(machine.tenant).quota, use, Use(addresses=more))
