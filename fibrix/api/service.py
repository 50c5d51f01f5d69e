"""The integrators' API as a service: its routes, its sockets."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from fibrix.api import openapi
from fibrix.api.application import Observer, application
from fibrix.api.connection import Connections
from fibrix.api.endpoint import Desk
from fibrix.api.limits import LIMITS, Limits
from fibrix.api.route import Route, SocketRoute
from fibrix.api.stream import Stream, StreamQuery
from fibrix.api.tls import certificate_of, speaks_tls
from fibrix.api.v1.addresses import AddressRoutes, LeaseRoutes
from fibrix.api.v1.allocations import AllocationRoutes
from fibrix.api.v1.api_keys import ApiKeyRoutes
from fibrix.api.v1.audit import AuditRoutes
from fibrix.api.v1.backup import BackupRoutes
from fibrix.api.v1.boots import BootRoutes
from fibrix.api.v1.dead_letters import DeadLetterRoutes
from fibrix.api.v1.discoveries import DiscoveryRoutes, HiddenNetworkRoutes
from fibrix.api.v1.dns import DnsZoneRoutes
from fibrix.api.v1.dns_keys import DnsKeyRoutes
from fibrix.api.v1.dns_records import DnsRecordRoutes
from fibrix.api.v1.events import EventRoutes
from fibrix.api.v1.fabrics import FabricRoutes, VlanRoutes, ZoneRoutes
from fibrix.api.v1.images import ImageRoutes
from fibrix.api.v1.machines import MachineRoutes
from fibrix.api.v1.monitoring import MonitoringRoutes
from fibrix.api.v1.operations import OperationRoutes
from fibrix.api.v1.power import PowerRoutes
from fibrix.api.v1.readiness import ReadinessRoutes
from fibrix.api.v1.reservations import ReservationRoutes
from fibrix.api.v1.runs import RunRoutes
from fibrix.api.v1.scans import ScanRoutes
from fibrix.api.v1.scripts import ScriptRoutes
from fibrix.api.v1.session import MeRoutes, SessionRoutes
from fibrix.api.v1.ssh_keys import SshKeyRoutes
from fibrix.api.v1.subnets import SubnetRoutes
from fibrix.api.v1.system import SystemRoutes
from fibrix.api.v1.tenants import TenantRoutes
from fibrix.api.v1.traffic import TrafficRoutes
from fibrix.api.v1.users import UserRoutes
from fibrix.api.v1.webhooks import WebhookRoutes
from fibrix.config import ApiConfig
from fibrix.domain.access import Permission
from fibrix.domain.ports.audit import Audit
from fibrix.domain.ports.backups import Backups
from fibrix.domain.ports.boots import BootBook
from fibrix.domain.ports.discoveries import Discoveries, HiddenNetworks
from fibrix.domain.ports.dns import Dns
from fibrix.domain.ports.gate import Gate
from fibrix.domain.ports.health import Checks, HealthSource
from fibrix.domain.ports.identity import ApiKeys, Logins, Tenants, Users
from fibrix.domain.ports.images import Images
from fibrix.domain.ports.journal import EventNames, Journal
from fibrix.domain.ports.keys import SshKeys
from fibrix.domain.ports.ledger import Ledger
from fibrix.domain.ports.machines import Machines
from fibrix.domain.ports.monitoring import Metrics, Targets
from fibrix.domain.ports.networks import Addresses, Fabrics, Networks, Reservations
from fibrix.domain.ports.operations import Operations
from fibrix.domain.ports.scan import Scans
from fibrix.domain.ports.scripts import ScriptList
from fibrix.domain.ports.traffic import Traffic
from fibrix.domain.ports.webhooks import Webhooks
from fibrix.runtime.api_stream import SUBPROTOCOL

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPorts:
    """What the API serves from."""

    machines: Machines
    discoveries: Discoveries
    hidden_networks: HiddenNetworks
    boots: BootBook
    operations: Operations
    scans: Scans
    images: Images
    scripts: ScriptList
    users: Users
    tenants: Tenants
    api_keys: ApiKeys
    logins: Logins
    ssh_keys: SshKeys
    networks: Networks
    dns: Dns
    reservations: Reservations
    fabrics: Fabrics
    addresses: Addresses
    traffic: Traffic
    journal: Journal
    event_names: EventNames
    gate: Gate
    ledger: Ledger
    webhooks: Webhooks
    audit: Audit
    health: HealthSource
    checks: Checks
    metrics: Metrics
    targets: Targets
    subscribers: Counter[str]  # of the event stream, now, by kind
    backups: Backups
    observe: Observer
    now: Callable[[], datetime]


class ApiService:
    """Answers integrators on TCP and on a unix socket."""

    name = "api"

    def __init__(self, config: ApiConfig, state_dir: Path, ports: ApiPorts, limits: Limits = LIMITS) -> None:
        self._config = config
        self._socket_path = state_dir / config.socket if config.socket else None
        self._stream = Stream(ports.journal, ports.gate, ports.event_names, ports.subscribers, slow_s=limits.slow_s)
        self._ports = ports
        self._limits = limits
        self._certificate = certificate_of(config, state_dir, ports.now)
        self.routes: Final = self._table()
        stream = "Follow events by websocket: one CloudEvents JSON a message"
        self.sockets: Final = (
            SocketRoute("/api/v1/stream", self._stream.serve, StreamQuery, Permission.READ, stream, SUBPROTOCOL),
        )

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled; then tell stream subscribers, and finish the requests that are under way."""
        ports = self._ports
        desk = Desk(gate=ports.gate, ledger=ports.ledger, limits=self._limits, now=ports.now)
        answers = application(self.routes, self.sockets, desk, ports.observe)
        runner = web.ServerRunner(Connections(answers, self._limits), shutdown_timeout=3)
        await runner.setup()
        async with self._stream.running():
            await self._listen(runner, ready)

    async def _listen(self, runner: web.ServerRunner, ready: asyncio.Event) -> None:
        """Answer on the unix socket and on TCP until cancelled."""
        with _listening(self._socket_path) as listener:
            try:
                if listener is not None:
                    await web.SockSite(runner, listener).start()
                if self._config.port:
                    await self._listen_on_tcp(runner)
                log.info("api.serving", addresses=[str(address) for address in runner.addresses])
                ready.set()
                await (self._certificate.watch() if self._certificate else asyncio.Event().wait())
            finally:
                await _stop_listening(runner)
                await self._stream.close()
                await runner.cleanup()

    async def _listen_on_tcp(self, runner: web.ServerRunner) -> None:
        """Answer on TCP, beyond loopback by TLS. Raises ConfigError: its certificate is no good."""
        certificate = self._certificate
        if certificate is not None:
            certificate.load()
        context = certificate.context if certificate is not None else None
        await web.TCPSite(runner, str(self._config.listen), self._config.port, ssl_context=context).start()

    def _table(self) -> tuple[Route, ...]:
        """Put the route table together."""
        ports = self._ports
        nouns = (
            MachineRoutes(ports.machines, ports.operations),
            DiscoveryRoutes(ports.discoveries, ports.now),
            HiddenNetworkRoutes(ports.hidden_networks),
            OperationRoutes(ports.operations, ports.machines),
            ScanRoutes(ports.scans, ports.operations),
            AllocationRoutes(ports.machines),
            PowerRoutes(ports.machines),
            RunRoutes(ports.machines),
            BootRoutes(ports.machines, ports.boots),
            EventRoutes(
                ports.journal, ports.machines, ports.event_names, ports.gate, self._stream.stops, ports.subscribers
            ),
            ImageRoutes(ports.images),
            ScriptRoutes(ports.scripts),
            SessionRoutes(ports.logins, ports.now, secure=speaks_tls(self._config)),
            MeRoutes(ports.users, ports.tenants, ports.api_keys, ports.logins),
            ApiKeyRoutes(ports.api_keys),
            UserRoutes(ports.users),
            TenantRoutes(ports.tenants),
            SshKeyRoutes(ports.ssh_keys, ports.tenants),
            DnsZoneRoutes(ports.dns),
            DnsRecordRoutes(ports.dns),
            DnsKeyRoutes(ports.dns),
            SubnetRoutes(ports.networks, ports.addresses),
            ReservationRoutes(ports.reservations),
            ZoneRoutes(ports.fabrics),
            FabricRoutes(ports.fabrics),
            VlanRoutes(ports.fabrics, ports.networks),
            LeaseRoutes(ports.addresses),
            AddressRoutes(ports.addresses),
            TrafficRoutes(ports.traffic),
            WebhookRoutes(ports.webhooks),
            DeadLetterRoutes(ports.webhooks),
            AuditRoutes(ports.audit),
            SystemRoutes(ports.health, lambda: openapi.document(self.routes, self.sockets)),
            ReadinessRoutes(ports.health, ports.checks),
            MonitoringRoutes(ports.metrics, ports.targets),
            BackupRoutes(ports.backups),
        )
        return tuple(route for noun in nouns for route in noun.routes())


async def _stop_listening(runner: web.ServerRunner) -> None:
    """Let nobody new in."""
    for site in list(runner.sites):
        await site.stop()


@contextlib.contextmanager
def _listening(path: Path | None) -> Iterator[socket.socket | None]:
    """Open a unix socket that only its owner may use; nobody can connect before its mode is set."""
    if path is None:
        yield None
        return
    path.unlink(missing_ok=True)  # of a controller that was killed: the store's lock says that no other runs
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.settimeout(0)
        listener.bind(str(path))
        path.chmod(0o600)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
