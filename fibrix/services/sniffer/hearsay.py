"""What other services of the rack found out about hosts: leases that they gave, BMCs that answered them. Pure."""

from collections.abc import Iterable
from ipaddress import ip_address

from fibrix.domain.census.sighting import Means, NetService, Sighting
from fibrix.domain.network import Subnet
from fibrix.events.base import Event
from fibrix.events.rack import LeaseGranted
from fibrix.events.scan import RedfishSeen
from fibrix.wire.text import tidy

KINDS = (LeaseGranted, RedfishSeen)


def hearsay(event: Event, subnets: Iterable[Subnet]) -> tuple[Sighting, str] | None:
    """What an event says of a host, and the interface that it is on; None: nothing, or it is behind a router."""
    match event:
        case LeaseGranted():
            on = next((one.interface for one in subnets if one.name == event.subnet and not one.relayed), None)
            lease = Sighting(mac=event.mac, means=Means.DHCP, spoke=False, addresses=(event.address,))
            return None if on is None else (lease, on)
        case RedfishSeen() if event.mac:
            return _redfish(event), event.interface
        case _:
            return None


def _redfish(event: RedfishSeen) -> Sighting:
    name = tidy(" ".join(word for word in (event.vendor, event.product) if word))
    location = f"https://{event.address}/redfish/v1/"
    return Sighting(
        mac=event.mac,
        means=Means.REDFISH,
        spoke=False,
        addresses=(ip_address(event.address),),
        services=(NetService(kind="redfish", name=name, port=443, location=location),),
        bmc=f"answers Redfish {tidy(event.version)}".strip(),
    )
