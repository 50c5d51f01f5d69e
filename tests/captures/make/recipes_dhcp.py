"""Cases of DHCPv4: each client with each server, and what is rare."""

from collections.abc import Callable
from typing import Final

from tests.captures.make import dhcp
from tests.captures.make.lab import Host, Lab, passes, stop, until
from tests.captures.make.recipe import case, recipe

NAMES: Final = {"dhclient": "alder", "udhcpc": "birch", "dhcpcd": "cedar", "networkd": "elm"}


def _pair(client: str, server: str) -> Callable[[Lab], None]:
    def play(lab: Lab) -> None:
        dhcp.served(lab, server)
        host = lab.host(NAMES[client])
        process = dhcp.CLIENTS[client][1](host)
        host.has_address()
        passes(3.5)
        dhcp.leave(host, process, client)

    return play


for _client, (_package, _) in dhcp.CLIENTS.items():
    for _server, (_peer, _) in dhcp.SERVERS.items():
        recipe(
            f"dhcp4/{_client}-{_server}",
            f"{_client} gets an address from {_server}, keeps it for a while and gives it back.",
            (_package, _peer),
            _pair(_client, _server),
        )


@case("dhcp4/udhcpc-renews", "udhcpc", "dnsmasq-base")
def renews(lab: Lab) -> None:
    """udhcpc gets an address, renews it when asked to, gives it back and asks for one again."""
    dhcp.served(lab)
    host = lab.host("birch")
    process = dhcp.udhcpc(host)
    host.has_address()
    host.shell(f"kill -USR1 {process.pid}")
    passes(1)
    dhcp.udhcpc_gives_back(process)
    dhcp.released(host)
    host.shell(f"kill -USR1 {process.pid}")
    host.has_address()


@case("dhcp4/udhcpc-nobody-answers", "udhcpc")
def nobody_answers(lab: Lab) -> None:
    """udhcpc asks where no server is: it discovers three times, a second apart, and gives up."""
    host = lab.host("birch")
    dhcp.udhcpc(host, "-t", "3", "-T", "1", "-n").wait(20)


@case("dhcp4/udhcpc-other-wish", "udhcpc", "isc-dhcp-server")
def other_wish(lab: Lab) -> None:
    """udhcpc discovers with an address of another network as its wish (option 50): dhcpd offers another one."""
    dhcp.served(lab, "dhcpd")
    host = lab.host("birch")
    dhcp.udhcpc(host, "-r", "10.99.0.5")
    host.has_address()


LEASE: Final = """
lease {
  interface "eth0";
  fixed-address 10.99.0.5;
  option subnet-mask 255.255.255.0;
  option dhcp-lease-time 864000;
  option dhcp-server-identifier 10.99.0.1;
  renew 0 2035/01/07 12:00:00;
  rebind 0 2035/01/14 12:00:00;
  expire 0 2035/01/21 12:00:00;
}
"""


@case("dhcp4/dhclient-nak", "isc-dhcp-client", "isc-dhcp-server")
def nak(lab: Lab) -> None:
    """dhclient asks at once for the address of its last lease, of another network: a DHCPNAK, then a new address."""
    dhcp.served(lab, "dhcpd")
    host = lab.host("alder")
    host.file("leases", LEASE)
    dhcp.dhclient(host)
    until(lambda: "10.77.0.1" in " ".join(host.addresses()), "an address of this network")


@case("dhcp4/dhcpcd-decline", "dhcpcd-base", "dnsmasq-base", "linux")
def decline(lab: Lab) -> None:
    """dhcpcd is offered an address that another host has set by hand: it probes by ARP, declines it, takes another."""
    dhcp.served(lab, "dnsmasq")
    squatter = lab.host("oak", *[f"10.77.0.{number}/24" for number in range(100, 110)])
    host = lab.host("cedar")
    dhcp.dhcpcd(host)
    until(lambda: host.addresses() or len(squatter.addresses()) == 0, "an address", 25)
    passes(1)


@case("dhcp4/dhcpcd-inform", "dhcpcd-base", "isc-dhcp-server")
def inform(lab: Lab) -> None:
    """dhcpcd has an address set by hand, and asks dhcpd by DHCPINFORM for all else."""
    dhcp.served(lab, "dhcpd")
    host = lab.host("cedar", "10.77.0.50/24")
    dhcp.dhcpcd(host, "-4", "--noipv4ll", "--inform=10.77.0.50/24")
    passes(8)


@case("dhcp4/two-servers", "udhcpc", "dnsmasq-base", "busybox")
def two_servers(lab: Lab) -> None:
    """dnsmasq and a second server, BusyBox's udhcpd, both answer the same client."""
    dhcp.served(lab)
    rogue = lab.host("rogue", "10.77.0.2/24")
    dhcp.udhcpd(rogue, "10.77.0.200", "10.77.0.209")
    host = lab.host("birch")
    dhcp.udhcpc(host)
    host.has_address()
    passes(1)


def _relayed(lab: Lab, server: str, *options: str, inside: bool) -> Host:
    """A client behind a relay. `inside`: the client's side is recorded, else the server's."""
    near = lab.switch if inside else lab.another_switch("near")
    far = lab.another_switch("far") if inside else lab.switch
    gate = lab.host("gate", "10.78.0.1/24", on=far)
    gate.ip("route add 10.77.0.0/24 via 10.78.0.2")
    relay = lab.host("relay", "10.77.0.254/24", on=near)
    far.plug(relay, "eth1")
    relay.ip("addr add 10.78.0.2/24 dev eth1")
    relay.set("net/ipv4/ip_forward", "1")
    if server == "dhcpd":
        dhcp.dhcpd(gate, "subnet 10.78.0.0 netmask 255.255.255.0 { }")
    else:
        dhcp.dnsmasq(gate)
    command = ("dhcrelay", "-4", "-d", "--no-pid", "-iu", "eth1", "-id", "eth0", *options, "10.78.0.1")
    relay.listens(relay.start(*command), 67)
    return lab.host("birch", on=near)


@case("dhcp4/relay-option-82", "udhcpc", "isc-dhcp-relay", "isc-dhcp-server")
def relay_tells(lab: Lab) -> None:
    """udhcpc behind dhcrelay, which adds option 82; dhcpd answers. Recorded between relay and server."""
    host = _relayed(lab, "dhcpd", "-a", "-m", "append", inside=False)
    dhcp.udhcpc(host)
    host.has_address()
    passes(0.5)


@case("dhcp4/relay-clients-side", "udhcpc", "isc-dhcp-relay", "isc-dhcp-server")
def relay_inside(lab: Lab) -> None:
    """udhcpc behind dhcrelay; dhcpd answers from another network. Recorded where the client is."""
    host = _relayed(lab, "dhcpd", inside=True)
    process = dhcp.udhcpc(host)
    host.has_address()
    passes(3.5)
    host.ip("route add default via 10.77.0.254")
    dhcp.udhcpc_gives_back(process)


@case("dhcp4/dhclient-short-lease", "isc-dhcp-client", "isc-dhcp-server")
def short_lease(lab: Lab) -> None:
    """dhclient renews a lease of twelve seconds to dhcpd itself, twice."""
    gate = lab.host("gate", "10.77.0.1/24")
    dhcp.dhcpd(gate, "max-lease-time 12;")
    host = lab.host("alder")
    dhcp.dhclient(host)
    host.has_address()
    passes(13)


@case("dhcp4/dhclient-other-server", "isc-dhcp-client", "isc-dhcp-server", "dnsmasq-base")
def other_server(lab: Lab) -> None:
    """A host gets an address from dhcpd, which ends; dnsmasq takes its place and its address, and gives another one."""
    first = lab.host("gate", "10.77.0.1/24")
    old = dhcp.dhcpd(first)
    host = lab.host("alder")
    client = dhcp.dhclient(host)
    host.has_address()
    dhcp.leave(host, client, "dhclient")
    stop(old)
    first.ip("addr flush dev eth0")
    second = lab.host("gate2", "10.77.0.1/24")
    dhcp.dnsmasq(second, first="10.77.0.150", last="10.77.0.159")
    dhcp.dhclient(host)
    host.has_address()


@case("dhcp4/changed-name", "udhcpc", "dnsmasq-base")
def changed_name(lab: Lab) -> None:
    """A host that is installed anew: the same MAC asks under one name, and later under another one."""
    dhcp.served(lab)
    host = lab.host("birch")
    process = dhcp.udhcpc(host)
    host.has_address()
    passes(3.5)
    dhcp.udhcpc_gives_back(process)
    stop(process)
    dhcp.udhcpc(host, name="spruce")
    host.has_address()


@case("dhcp4/fqdn", "udhcpc", "isc-dhcp-server")
def fqdn(lab: Lab) -> None:
    """udhcpc says its name by option 81 (RFC 4702), with the domain."""
    dhcp.served(lab, "dhcpd")
    host = lab.host("birch")
    host.start("udhcpc", "-f", "-i", "eth0", "-s", dhcp.hook(host), "-F", "birch.rack.example")
    host.has_address()


def _vendor(words: str, *more: str) -> str:
    return f'send vendor-class-identifier "{words}";\n' + "\n".join(more)


@case("bmc/dhcp-idrac", "isc-dhcp-client", "dnsmasq-base")
def idrac(lab: Lab) -> None:
    """Stands for a Dell BMC: dhclient with its vendor class `iDRAC`, set by hand, and a host name like its own."""
    dhcp.served(lab)
    host = lab.host("idrac-f1b71x0")
    dhcp.dhclient(host, conf=_vendor("iDRAC", "send host-name = gethostname();"))
    host.has_address()


@case("bmc/dhcp-ilo", "isc-dhcp-client", "dnsmasq-base")
def ilo(lab: Lab) -> None:
    """Stands for an HPE BMC: dhclient with its vendor class `CPQRIB3`, set by hand."""
    dhcp.served(lab)
    host = lab.host("ilo-lab")
    dhcp.dhclient(host, conf=_vendor("CPQRIB3", "send host-name = gethostname();"))
    host.has_address()


@case("bmc/dhcp-udhcpc", "udhcpc", "dnsmasq-base")
def udhcpc_bmc(lab: Lab) -> None:
    """A BMC of a board whose firmware has BusyBox says nothing of itself by DHCP: udhcpc as it comes."""
    dhcp.served(lab)
    host = lab.host("bmc")
    host.start("udhcpc", "-f", "-i", "eth0", "-s", dhcp.hook(host))
    host.has_address()
