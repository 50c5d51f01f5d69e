"""Cases of BMCs that speak RMCP, and of what asks them."""

from tests.captures.make import dhcp
from tests.captures.make.lab import Host, Lab, passes
from tests.captures.make.recipe import case
from tests.captures.make.recipes_arp import ping
from tests.support.bmc import LOOPBACK, prepare

PORT = 623


def ipmi_sim(host: Host) -> None:
    """A simulated BMC that answers at every address of a host."""
    folder = host.folder / "bmc"
    prepare(folder, port=PORT)
    conf = folder / "lan.conf"
    conf.write_text(conf.read_text().replace(f"addr {LOOPBACK} ", "addr 0.0.0.0 "))
    process = host.start("ipmi_sim", "-n", "-c", conf, "-f", folder / "bmc.emu", "-s", folder / "state")
    host.listens(process, PORT)


def pair(lab: Lab) -> Host:
    """A BMC at 10.77.0.112, and a host that knows its MAC by ARP; gives that one."""
    ipmi_sim(lab.host("bmc12", "10.77.0.112/24"))
    asking = lab.host("elm", "10.77.0.13/24")
    ping(asking, "10.77.0.112")
    return asking


@case("rmcp/rmcpping", "openipmi", "freeipmi-tools")
def rmcpping(lab: Lab) -> None:
    """FreeIPMI's rmcpping asks a simulated BMC whether it is there: RMCP presence ping and pong."""
    pair(lab).run("rmcpping", "-c", "2", "10.77.0.112")


@case("rmcp/ipmiping", "openipmi", "freeipmi-tools")
def ipmiping(lab: Lab) -> None:
    """FreeIPMI's ipmiping asks a simulated BMC for the ways to log in (Get Channel Authentication Capabilities)."""
    pair(lab).run("ipmiping", "-c", "2", "10.77.0.112")


@case("rmcp/ipmitool-1.5", "openipmi", "ipmitool")
def ipmitool_old(lab: Lab) -> None:
    """ipmitool reads the power of a simulated BMC in a session of IPMI 1.5."""
    login = ("-I", "lan", "-H", "10.77.0.112", "-U", "admin", "-P", "secret", "-A", "MD5")
    pair(lab).run("ipmitool", *login, "power", "status")


@case("rmcp/ipmitool-2.0", "openipmi", "ipmitool")
def ipmitool_new(lab: Lab) -> None:
    """ipmitool reads the power of a simulated BMC in a session of IPMI 2.0."""
    login = ("-I", "lanplus", "-H", "10.77.0.112", "-U", "admin", "-P", "secret", "-C", "3")
    pair(lab).run("ipmitool", *login, "power", "status")


@case("rmcp/nobody-answers", "freeipmi-tools", "linux")
def nobody(lab: Lab) -> None:
    """rmcpping asks a host that is no BMC: nothing comes back."""
    lab.host("oak", "10.77.0.11/24")
    asking = lab.host("elm", "10.77.0.13/24")
    ping(asking, "10.77.0.11")
    asking.run("rmcpping", "-c", "2", "10.77.0.11", timeout_s=4)


@case("bmc/dhcp-then-rmcp", "udhcpc", "isc-dhcp-server", "openipmi", "freeipmi-tools")
def comes_up(lab: Lab) -> None:
    """A BMC comes up: udhcpc gets it an address from dhcpd, then its simulator answers a presence ping."""
    dhcp.served(lab, "dhcpd")
    bmc = lab.host("bmc12")
    dhcp.udhcpc(bmc)
    address = bmc.has_address()
    ipmi_sim(bmc)
    asking = lab.host("elm", "10.77.0.13/24")
    ping(asking, address)
    asking.run("rmcpping", "-c", "1", address)
    passes(3)


@case("bmc/two-of-them", "openipmi", "freeipmi-tools")
def two(lab: Lab) -> None:
    """Two BMCs with adjacent MACs answer a presence ping each."""
    for number in (1, 2):
        ipmi_sim(lab.host(f"bmc{number}", f"10.77.0.11{number}/24", mac=f"52:54:00:77:0b:0{number}"))
    asking = lab.host("elm", "10.77.0.13/24")
    for number in (1, 2):
        ping(asking, f"10.77.0.11{number}")
        asking.run("rmcpping", "-c", "1", f"10.77.0.11{number}")
