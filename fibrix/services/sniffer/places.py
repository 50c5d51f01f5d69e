"""Which interfaces are to be heard, and which VLANs on each: pure."""

from collections.abc import Iterable, Mapping

from fibrix.domain.network import Subnet
from fibrix.domain.network_rules import WAN, role_of
from fibrix.runtime.links import Tagged


def wanted(subnets: Iterable[Subnet], roles: Mapping[str, str]) -> set[str]:
    """Interfaces of the racks and of subnets, never one to the outside. `roles`: of the configuration, by name."""
    named = {*roles, *(subnet.interface for subnet in subnets)}
    return {name for name in named if role_of(name, roles) != WAN}


def heard_elsewhere(tagged: Mapping[str, Tagged]) -> dict[str, set[int]]:
    """VLANs, by the interface that they come in on, that are heard on interfaces of their own: those in `tagged`."""
    found: dict[str, set[int]] = {}
    for one in tagged.values():
        found.setdefault(one.parent, set()).add(one.vlan)
    return found
