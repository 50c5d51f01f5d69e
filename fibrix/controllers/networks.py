"""All networks, of the configuration file and of the store, as one: what there is, and what of it can be served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from fibrix.controllers.ports import Store, Unit
from fibrix.domain.network import Reservation, Subnet
from fibrix.domain.network_kept import KeptSubnet, Vlan, effective
from fibrix.domain.network_reader import refuse
from fibrix.domain.network_rules import between, subnet_faults
from fibrix.domain.ports.networks import Listed
from fibrix.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the configuration file says of networks. It stays as it is while Fibrix runs."""

    subnets: tuple[KeptSubnet, ...] = ()
    vlans: tuple[Vlan, ...] = ()
    roles: Mapping[str, str]  # of interfaces, by name

    @property
    def names(self) -> frozenset[str]:
        """The names of its subnets."""
        return frozenset(kept.name for kept in self.subnets)


class NetworkBook:
    """Reads both. A subnet of the store that clashes with the file is shown, with the reason, and not served.

    What did not change since it was asked for last is the very same value, so that whoever follows sees what did.
    """

    def __init__(self, store: Store, declared: Declared) -> None:
        self.declared = declared
        self._store = store
        self._vlans = {vlan.id: vlan for vlan in declared.vlans}
        self._seen: tuple[Any, ...] = ()
        self._faults: Mapping[str, str] = {}
        self._made: dict[str, tuple[tuple[Any, ...], Listed]] = {}

    def all(self) -> Sequence[Listed]:
        """All subnets: those of the file in its order, then the others by name."""
        stored = self._store.of(KeptSubnet).all()
        faults = self._check(stored)
        names = self.declared.names
        others = sorted((kept for kept in stored if kept.name not in names), key=lambda kept: kept.name)
        return [
            *(self._listed(kept, of_file=True, fault="") for kept in self.declared.subnets),
            *(self._listed(kept, of_file=False, fault=faults.get(kept.name, "")) for kept in others),
        ]

    def get(self, subnet: str) -> Listed:
        """One of them. Raises NotFoundError."""
        for listed in self.all():
            if listed.kept.name == subnet:
                return listed
        known = ", ".join(listed.kept.name for listed in self.all()) or "none"
        raise NotFoundError(f"no subnet is named {subnet!r}; there are: {known}")

    def served(self) -> tuple[Subnet, ...]:
        """Those that the rack is to know of."""
        return tuple(listed.subnet for listed in self.all() if not listed.fault)

    def reservations(self) -> list[Reservation]:
        """The reservations of all subnets."""
        return [one for listed in self.all() for one in listed.reservations]

    def vlan(self, name: str) -> Vlan | None:
        """A VLAN that was declared; what the store says goes before what the file only names."""
        return self._store.of(Vlan).by_key(name) or self._vlans.get(name)

    def refuse_of_file(self, subnet: str) -> None:
        """Raise ConflictError where the configuration file declares a subnet."""
        if subnet in self.declared.names:
            words = "change it there, and restart Fibrix; its reservations can be changed here"
            raise ConflictError(f"subnet {subnet!r} is declared in the configuration file: {words}")

    def in_unit(self, unit: Unit) -> list[KeptSubnet]:
        """All subnets as of a unit."""
        names = self.declared.names
        return [*self.declared.subnets, *(kept for kept in unit.of(KeptSubnet).all() if kept.name not in names)]

    def vlan_in_unit(self, unit: Unit, name: str) -> Vlan | None:
        """A VLAN as of a unit."""
        return unit.of(Vlan).by_key(name) or self._vlans.get(name)

    def check_in_unit(self, unit: Unit, kept: KeptSubnet) -> None:
        """Refuse a subnet that the rules do not allow beside the others. Raises InvalidError, NotFoundError (VLAN)."""
        vlan = self.vlan_in_unit(unit, kept.vlan)
        if kept.vlan and vlan is None:
            raise NotFoundError(f"there is no VLAN {kept.vlan!r}: declare it first")
        refuse([*subnet_faults(kept, vlan, self.declared.roles), *between(kept, self.in_unit(unit))])

    def _check(self, stored: Sequence[KeptSubnet]) -> Mapping[str, str]:
        """Say why subnets of the store cannot be served; anew only when something changed."""
        vlans = self._store.of(Vlan).all()
        seen = (*stored, *vlans)
        if len(seen) != len(self._seen) or any(a is not b for a, b in zip(seen, self._seen, strict=True)):
            every = [*self.declared.subnets, *stored]
            self._faults = {kept.name: fault for kept in stored if (fault := self._fault(kept, every))}
            self._seen = seen
        return self._faults

    def _fault(self, kept: KeptSubnet, every: Sequence[KeptSubnet]) -> str:
        vlan = self.vlan(kept.vlan)
        if kept.vlan and vlan is None:
            return f"there is no VLAN {kept.vlan!r}"
        faults = [*subnet_faults(kept, vlan, self.declared.roles), *between(kept, every)]
        return "; ".join(fault.detail for fault in faults)

    def _listed(self, kept: KeptSubnet, *, of_file: bool, fault: str) -> Listed:
        """Put together what is known of a subnet; the same value as long as all of it is the same."""
        vlan, reservations = self.vlan(kept.vlan), tuple(self._store.reservations(kept.name))
        parts = (kept, vlan, reservations, fault)
        known = self._made.get(kept.name)
        if (
            known is not None
            and all(a is b for a, b in zip(parts[:3], known[0], strict=False))
            and known[0][3] == fault
        ):
            return known[1]
        subnet = replace(effective(kept, vlan), reservations=reservations)
        listed = Listed(kept=kept, subnet=subnet, of_file=of_file, fault=fault, reservations=reservations)
        self._made[kept.name] = (parts, listed)
        return listed
