"""Networks as people declare and keep them: zones, fabrics, VLANs, and subnets with what is kept free in them.

The name of each is its identity, for life: bindings, reservations and events name a subnet, so nothing is renamed.
"""

from typing import Final

import msgspec

from fibrix.domain.network import AddressRange, Subnet

UNTAGGED: Final = 0
"""The VLAN id of frames without a tag (IEEE 802.1Q, priority-tagged frames have it too)."""
MOST_VID: Final = 4094  # 4095 is reserved (IEEE 802.1Q-2018, table 9-2)


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A place that fails as a whole: a rack, a room, a power feed. Machines name it."""

    name: str
    note: str = ""

    @property
    def id(self) -> str:
        """Its name."""
        return self.name


class Fabric(msgspec.Struct, frozen=True, kw_only=True):
    """Switches that are connected: within one, a VLAN id means one network."""

    name: str
    note: str = ""

    @property
    def id(self) -> str:
        """Its name."""
        return self.name


class Vlan(msgspec.Struct, frozen=True, kw_only=True):
    """A layer-2 network of a fabric."""

    fabric: str
    vid: int  # 1 to 4094, or UNTAGGED
    name: str = ""
    interface: str = ""  # of the rack, that carries it; empty: none does
    mtu: int = 0  # octets; told to the clients of its subnets that have none of their own; 0: not told
    note: str = ""

    @property
    def id(self) -> str:
        """Its fabric and its number: `default.10`."""
        return vlan_id(self.fabric, self.vid)


def vlan_id(fabric: str, vid: int) -> str:
    """Name a VLAN."""
    return f"{fabric}.{vid}"


class ReservedRange(AddressRange, frozen=True, kw_only=True):
    """Addresses that Fibrix gives to nobody, neither by itself nor by a reservation; both ends belong to it."""

    note: str = ""  # what they are for


class KeptSubnet(msgspec.Struct, frozen=True, kw_only=True):
    """A subnet as it was declared. Its reservations are kept apart."""

    subnet: Subnet  # `interface` is empty where the VLAN's is meant
    vlan: str = ""  # as `default.10`; empty: none is told
    reserved: tuple[ReservedRange, ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        """Its name."""
        return self.subnet.name

    @property
    def id(self) -> str:
        """Its name."""
        return self.subnet.name


def effective(kept: KeptSubnet, vlan: Vlan | None) -> Subnet:
    """Give a subnet with what it takes from its VLAN."""
    subnet = kept.subnet
    if vlan is None or (subnet.interface and subnet.mtu):
        return subnet
    return msgspec.structs.replace(subnet, interface=subnet.interface or vlan.interface, mtu=subnet.mtu or vlan.mtu)
