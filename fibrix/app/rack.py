"""The rack's side: what serves from the snapshot, and nothing else."""

from dataclasses import dataclass

from fibrix.app.metrics.rack import RackMeters
from fibrix.app.shared import Shared
from fibrix.app.sniffer import build_sniffer
from fibrix.domain.ports.power import Power
from fibrix.domain.ports.scan import Scanner
from fibrix.domain.power import PowerKind
from fibrix.drivers.power.ipmi.driver import IpmiDriver
from fibrix.drivers.power.manual import ManualDriver
from fibrix.drivers.power.wol import WolDriver
from fibrix.runtime.files import BootFiles
from fibrix.runtime.service import Service
from fibrix.services.dhcp.pxe_port import PxePort, PxePortSettings
from fibrix.services.dhcp.service import DhcpService, DhcpSettings
from fibrix.services.dhcp.watch import Watch
from fibrix.services.httpboot.service import HttpBootService, HttpBootSettings
from fibrix.services.ndp.service import NdpService
from fibrix.services.power.service import PowerService
from fibrix.services.scan.service import ScanService
from fibrix.services.tftp.service import TftpService, TftpSettings
from fibrix.store.bindings import Bindings


@dataclass(frozen=True, slots=True, kw_only=True)
class Rack:
    """The rack's side: services that serve from the snapshot, and nothing else."""

    services: tuple[Service, ...]
    power: Power
    manual: ManualDriver
    meters: RackMeters | None = None
    scanner: Scanner | None = None  # None: nothing is scanned


def build_rack(shared: Shared, bindings: Bindings) -> Rack:
    """Make the rack-side services."""
    config, bus, snapshot = shared.config, shared.bus, shared.snapshot
    boot_files = BootFiles(
        (config.state_dir / config.boot.own_ipxe_dir, config.boot_dir), packaged=(config.boot.ipxe_dir,)
    )
    ipmi, manual = IpmiDriver(config.power), ManualDriver(bus)
    wol = WolDriver(snapshot, shared.heard.last_seen)
    power = PowerService(
        snapshot, {PowerKind.IPMI: ipmi, PowerKind.WOL: wol, PowerKind.MANUAL: manual}, bus, config.power
    )
    dhcp = DhcpSettings(
        http_port=config.boot.http_port,
        server_port=config.dhcp.server_port,
        client_port=config.dhcp.client_port,
        offer_s=config.dhcp.offer_s,
        decline_s=config.dhcp.decline_s,
    )
    http = HttpBootSettings(port=config.boot.http_port)
    answering = DhcpService(snapshot, bindings, bus, dhcp)
    watch = Watch(snapshot, bus, answering, shared.now)
    answering.probes = watch
    pxe_port = PxePort(snapshot, PxePortSettings(http_port=config.boot.http_port))
    meters = RackMeters(
        snapshot=snapshot,
        database=bindings.database,
        dhcp=answering,
        watch=watch,
        pxe_port=pxe_port,
        tftp=TftpService(snapshot, boot_files, bus, TftpSettings(port=config.boot.tftp_port)),
        httpboot=HttpBootService(snapshot, boot_files, BootFiles((config.images_dir,)), bus, http),
        ndp=NdpService(snapshot, bus),
        power=power,
        sniffer=build_sniffer(shared, bindings.database),
        scan=ScanService(snapshot, bus, now=shared.now),
    )
    ndp: tuple[Service, ...] = (meters.ndp,) if config.boot.answer_solicitations else ()
    dhcp_services: tuple[Service, ...] = (meters.dhcp, pxe_port, watch)
    sniffer: tuple[Service, ...] = (meters.sniffer,) if config.discovery.enabled else ()
    files: tuple[Service, ...] = (meters.tftp, meters.httpboot)
    services: tuple[Service, ...] = (*dhcp_services, *files, *ndp, ipmi, power, *sniffer, meters.scan)
    return Rack(services=services, power=power, manual=manual, meters=meters, scanner=meters.scan)
