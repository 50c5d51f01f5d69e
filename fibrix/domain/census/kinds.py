"""What a host is, of all that is known of it.

The surest counts: that it is a BMC; then what devices announce (LLDP, CDP, services); then what it is as DHCP client,
which changes with each step of a boot; then the system that it names.
"""

from dataclasses import dataclass
from typing import Final

from fibrix.domain.census.fingerprints import ACCESS_POINT, BMC, LINUX, PHONE, PRINTER, SWITCH
from fibrix.domain.census.sighting import Neighbour, NetService, Role
from fibrix.domain.census.track import Track

ROUTER: Final = "router"
ESXI: Final = "VMware ESXi"
CAMERA: Final = "camera"

DEVICES: Final = (
    ("Cumulus Linux", SWITCH),  # a switch's own system: looked for before what it is built on
    ("SONiC", SWITCH),
    ("Arista Networks EOS", SWITCH),
    ("Juniper Networks", SWITCH),
    ("VMware ESX", ESXI),
)
"""Words in the system description of LLDP, or in the platform of CDP, that name a device."""

CAPABILITIES: Final = (
    ("telephone", PHONE),  # with a bridge in it, for the desk's computer: before the bridge
    ("wlan access point", ACCESS_POINT),
    ("bridge", SWITCH),
    ("switch", SWITCH),  # CDP's word
    ("router", ROUTER),
)
"""Capabilities of LLDP and CDP that are switched on. A server that bridges for its guests is told by its system."""

SYSTEMS: Final = ("Debian", "Ubuntu", "Red Hat", "Rocky", "AlmaLinux", "CentOS", "Fedora", "SUSE", "Linux")


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """What a service proves of the host that offers it."""

    begins: str  # how the kind of the service begins
    kind: str
    bmc: str = ""  # how that shows a BMC


SERVICES: Final = (
    ServiceKind("urn:dmtf-org:service:redfish-rest:", BMC, "announces Redfish by SSDP"),  # DSP0266, discovery
    ServiceKind("_obmc_", BMC, "announces OpenBMC by mDNS"),
    ServiceKind("_pdl-datastream._tcp", PRINTER),  # takes print data as they are: a print server does not
    ServiceKind("_uscan._tcp", PRINTER),
    ServiceKind("urn:schemas-upnp-org:device:Printer:", PRINTER),
    ServiceKind("wsd:PrintDeviceType", PRINTER),
    ServiceKind("wsd:NetworkVideoTransmitter", CAMERA),  # ONVIF
    ServiceKind("urn:schemas-upnp-org:device:InternetGatewayDevice:", ROUTER),
    ServiceKind("service:VMwareInfrastructure", ESXI),
    ServiceKind("service:management-hardware.IBM:", BMC, "announces management hardware by SLP"),
)
"""What services prove, the surest first."""


def kind_of(track: Track) -> str:
    """What a host is; empty: that is not known."""
    if track.bmc:
        return BMC
    return (
        (_device(track.switch) if track.switch is not None else "")
        or _serves(track.services)
        or track.client_kind
        or (_system(track.switch) if track.switch is not None else "")
        or (SWITCH if Role.SWITCH in track.roles else "")
    )


def bmc_service(services: tuple[NetService, ...]) -> str:
    """How services show a BMC; empty: they do not."""
    return next((one.bmc for one in SERVICES if one.bmc and _offers(services, one)), "")


def _device(said: Neighbour) -> str:
    for words, kind in DEVICES:
        if words in said.description:
            return kind
    if _system(said):
        return ""
    return next((kind for word, kind in CAPABILITIES if word in said.capabilities), "")


def _system(said: Neighbour) -> str:
    return LINUX if any(word in said.description for word in SYSTEMS) else ""


def _serves(services: tuple[NetService, ...]) -> str:
    return next((one.kind for one in SERVICES if _offers(services, one)), "")


def _offers(services: tuple[NetService, ...], wanted: ServiceKind) -> bool:
    return any(service.kind.startswith(wanted.begins) for service in services)
