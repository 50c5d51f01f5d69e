"""The sections of the configuration and their defaults. `config/fibrix.toml` explains each key to the operator."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Port: TypeAlias = Annotated[int, Meta(ge=1, le=65535)]
Seconds: TypeAlias = Annotated[int, Meta(ge=1)]
PositiveSeconds: TypeAlias = Annotated[float, Meta(gt=0)]


class LogConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[log]."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"  # auto: console on a terminal


class ApiConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[api]: where integrators and the command line are answered."""

    listen: IPv4Address = IPv4Address("127.0.0.1")
    port: Annotated[int, Meta(ge=0, le=65535)] = 5240  # TCP; 0: no TCP at all
    socket: str = "api.sock"  # unix socket, relative to state_dir; empty: none
    tls_cert: str = ""  # PEM file, relative to state_dir; empty: one is made, beyond loopback
    tls_key: str = ""  # PEM file of its key
    tls_names: tuple[str, ...] = ()  # more host names and addresses for a certificate that is made
    plain_http: bool = False  # HTTP without TLS beyond loopback


class LoginConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[login]: browsers' sessions."""

    session_s: Annotated[int, Meta(ge=300)] = 12 * 3600  # whatever is done with it
    idle_s: Annotated[int, Meta(ge=300)] = 3600  # without a request


class MachinesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[machines]: where agents and installed systems are answered, on every served subnet's own address."""

    port: Port = 5249  # TCP


class BootConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[boot]: what machines boot from."""

    http_port: Port = 5248  # TCP
    tftp_port: Port = 69  # UDP
    ipxe_dir: Path = Path("/usr/lib/ipxe")  # Debian's
    own_ipxe_dir: str = "ipxe"  # relative to state_dir: newer ones of the operator's, taken first
    console: str = "console=tty0 console=ttyS0,115200"
    answer_solicitations: bool = True  # of an IPv6 router, by machines that boot: there is none


class DhcpConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[dhcp]."""

    server_port: Port = 67  # UDP
    client_port: Port = 68  # UDP
    offer_s: Seconds = 30  # an offered address is held this long
    decline_s: Seconds = 600  # a declined address is not given out for this long


class DnsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[dns]: the region's zones, and the questions of machines about all others."""

    enabled: bool = True
    port: Port = 53  # UDP and TCP
    listen: tuple[IPv4Address, ...] = ()  # empty: the controller's own addresses of the subnets
    forwarders: tuple[IPv4Address, ...] = ()  # who is asked about other zones; empty: nobody
    recursion: tuple[IPv4Network, ...] = ()  # who may ask about other zones; empty: the served subnets
    cache_entries: Annotated[int, Meta(ge=1)] = 20_000  # answers of forwarders that are remembered
    rate_per_s: Annotated[int, Meta(ge=1)] = 500  # answers by UDP to one /24 that may not ask about other zones
    local_rate_per_s: Annotated[int, Meta(ge=1)] = 50_000  # answers by UDP to one /24 that may


class DiscoveryConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[discovery]: what is heard on the wire of all hosts, without a word being said."""

    enabled: bool = True
    promiscuous: tuple[str, ...] = ()  # interfaces
    gone_s: Annotated[int, Meta(ge=60)] = 3600  # a host that is silent for so long is gone
    keep_days: Annotated[int, Meta(ge=0, le=36500)] = 90  # and forgotten after this; 0: never
    most_hosts: Annotated[int, Meta(ge=1, le=1_000_000)] = 65_536  # those that are silent the longest are forgotten
    scan_interval_s: Annotated[int, Meta(ge=0)] = 0  # each subnet is scanned actively so often; 0: never
    scan_subnets: tuple[str, ...] = ()  # those that are; empty: all
    scan_kinds: tuple[Literal["arp", "nd", "ping", "rmcp", "redfish"], ...] = ("arp", "nd", "ping", "rmcp", "redfish")
    scan_rate: Annotated[int, Meta(ge=1, le=1000)] = 100  # packets a second


class PowerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[power]."""

    poll_interval_s: PositiveSeconds = 15.0  # per machine
    timeout_s: PositiveSeconds = 1.0  # per request to a BMC; doubled with each retry
    retries: Annotated[int, Meta(ge=0)] = 3
    pace_s: Annotated[float, Meta(ge=0)] = 0.0  # least time between two requests to one BMC
    dead_interval_s: PositiveSeconds = 120.0  # a BMC that does not answer is asked again this seldom, at most


class HealthConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[health]: when the controller says that all is not well."""

    disk_free_bytes: Annotated[int, Meta(ge=0)] = 1 << 30  # less room than this in state_dir is told


class MetricsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[metrics]: what /metrics shows besides what it always does."""

    per_machine: bool = False  # a metric of its own for each machine, 500 at most


class JournalConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[journal]: how long events are kept for whoever asks what happened since; what is over either limit goes."""

    keep_days: Annotated[int, Meta(ge=0, le=36500)] = 365  # 0: no limit
    keep_events: Annotated[int, Meta(ge=0)] = 1_000_000  # 0: no limit


class LifecycleConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[lifecycle]: when a passing state is given up, counted from its start."""

    boot_s: Seconds = 600  # from power on to the agent's hello, or to the installed system's report
    power_s: Seconds = 120  # for a power action to take effect
    commissioning_s: Seconds = 1800
    testing_s: Seconds = 86400
    deploying_s: Seconds = 5400
    releasing_s: Seconds = 3600
    heartbeat_s: Seconds = 5  # an agent that misses 12 of them is lost
    operations_kept_days: Annotated[int, Meta(ge=1, le=3650)] = 30  # an operation is forgotten so long after its end


class EphemeralConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[ephemeral]: what machines run from RAM, and the images: both are built from Debian packages."""

    suite: str = "bookworm"
    apt_sources: tuple[Path, ...] = ()  # sources files for mmdebstrap; empty: Debian's among this machine's own
    kernel: str = "linux-image-amd64"
    firmware: tuple[str, ...] = ()  # packages of non-free firmware, as firmware-bnx2; the sources must have them
    extra_scripts_dir: str = "scripts"  # relative to state_dir: the operator's own machine scripts


class WebhooksConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[webhooks]: events that are sent to receivers outside."""

    allow: tuple[str, ...] = ()  # networks, besides the public internet, that the region's webhooks may reach
    tenant_allow: tuple[str, ...] = ()  # and tenants' ones
    timeout_s: PositiveSeconds = 15.0  # per attempt, in all
    at_once: Annotated[int, Meta(ge=1, le=10000)] = 256  # attempts under way
    retry_s: Seconds = 86400  # an event that cannot be delivered is a dead letter after this
    first_pause_s: PositiveSeconds = 5.0  # after the first failure; doubled with each one
    most_pause_s: PositiveSeconds = 600.0
    hold_s: Annotated[float, Meta(ge=0)] = 60.0  # what follows waits this long, then it is seen whether it goes through
    overlap_s: Annotated[int, Meta(ge=0)] = 86400  # the old secret is used too for so long after a rotation
    dead_letters: Annotated[int, Meta(ge=1)] = 1000  # kept per webhook, the newest
    dead_days: Annotated[int, Meta(ge=1)] = 30  # and for so long
    most: Annotated[int, Meta(ge=1)] = 50  # webhooks of one tenant, and of the region


class InterfaceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[interfaces]]: what a network interface of the controller is for."""

    name: Annotated[str, Meta(min_length=1, max_length=15)]  # Linux has 15 characters for it
    role: Literal["wan", "rack"]  # wan: Fibrix neither serves nor listens there


class RangeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dynamic range of a subnet, both ends included."""

    first: IPv4Address
    last: IPv4Address


class ReservedConfig(RangeConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A range of a subnet that nobody is given, both ends included."""

    note: str = ""


class RouteConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A static route that the clients of a subnet are told of."""

    destination: IPv4Network
    router: IPv4Address


class OptionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A DHCP option of a subnet."""

    code: Annotated[int, Meta(ge=0, le=255)]
    value: str  # hex digits


class SubnetConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[[subnets]]."""

    name: Annotated[str, Meta(min_length=1)]
    interface: str
    address: IPv4Interface  # the controller's own on that interface, with the prefix length
    network: IPv4Network | None = None  # none: the one that `address` is in
    relayed: bool = False
    fabric: str = ""  # empty: no VLAN is told
    vlan: Annotated[int, Meta(ge=0, le=4094)] = 0  # of the fabric; 0: untagged
    mode: Literal["serve", "proxy", "observe"] = "serve"
    boot: bool = True
    unknown: Literal["enlist", "ignore"] = "enlist"
    authoritative: bool = True
    probe: bool = True
    ranges: tuple[RangeConfig, ...] = ()
    reserved: tuple[ReservedConfig, ...] = ()
    routers: tuple[IPv4Address, ...] = ()
    dns_servers: tuple[IPv4Address, ...] = ()
    ntp_servers: tuple[IPv4Address, ...] = ()
    domain_name: str = ""
    search_domains: tuple[str, ...] = ()
    routes: tuple[RouteConfig, ...] = ()
    options: tuple[OptionConfig, ...] = ()
    mtu: Annotated[int, Meta(ge=0, le=65535)] = 0  # octets; 0: not told to clients
    lease_s: Seconds = 600


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    state_dir: Path = Path("/var/lib/fibrix")
    log: LogConfig = LogConfig()
    api: ApiConfig = ApiConfig()
    login: LoginConfig = LoginConfig()
    machines: MachinesConfig = MachinesConfig()
    boot: BootConfig = BootConfig()
    dhcp: DhcpConfig = DhcpConfig()
    dns: DnsConfig = DnsConfig()
    discovery: DiscoveryConfig = DiscoveryConfig()
    power: PowerConfig = PowerConfig()
    journal: JournalConfig = JournalConfig()
    lifecycle: LifecycleConfig = LifecycleConfig()
    health: HealthConfig = HealthConfig()
    metrics: MetricsConfig = MetricsConfig()
    ephemeral: EphemeralConfig = EphemeralConfig()
    webhooks: WebhooksConfig = WebhooksConfig()
    scripts: dict[str, dict[str, str]] = {}  # [scripts.<name>]: this site's defaults for a machine script's parameters
    interfaces: tuple[InterfaceConfig, ...] = ()
    subnets: tuple[SubnetConfig, ...] = ()

    @property
    def boot_dir(self) -> Path:
        """Boot files served by TFTP and HTTP; the ephemeral OS is in `ephemeral/<content id>/` below it."""
        return self.state_dir / "boot"

    @property
    def images_dir(self) -> Path:
        """Images: `<name>/manifest.json` and the file that it names."""
        return self.state_dir / "images"

    @property
    def cache_dir(self) -> Path:
        """What builders keep to be faster next time."""
        return self.state_dir / "cache"
