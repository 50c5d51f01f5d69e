"""Cases of what hosts announce to their link: mDNS, LLMNR, WS-Discovery, SSDP."""

from collections.abc import Mapping
from sys import executable
from typing import Final

from tests.captures.make import dhcp
from tests.captures.make.lab import Host, Lab, passes, stop
from tests.captures.make.recipe import case

_AVAHI: Final = """
[server]
host-name={name}
domain-name=local
use-ipv4=yes
use-ipv6={ipv6}
enable-dbus=no
[publish]
publish-hinfo={info}
publish-workstation={workstation}
publish-domain=no
"""
_GROUP: Final = """<?xml version="1.0" standalone='no'?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name replace-wildcards="yes">{title}</name>{services}</service-group>
"""
_SERVICE: Final = "<service><type>{kind}</type><port>{port}</port>{texts}</service>"
SAID_S: Final = 3.5


def avahi(
    host: Host,
    services: Mapping[str, int] | None = None,
    *,
    title: str = "%h",
    texts: str = "",
    workstation: bool = False,
    ipv6: bool = False,
) -> dhcp.Program:
    """mDNS by avahi: kinds of services with their ports; waits until it has told them."""
    yes = {True: "yes", False: "no"}
    words = _AVAHI.format(name=host.name, ipv6=yes[ipv6], workstation=yes[workstation], info=yes[workstation])
    conf = host.file("avahi.conf", words)
    (host.folder / "services").mkdir(exist_ok=True)
    if services:
        each = "".join(_SERVICE.format(kind=kind, port=port, texts=texts) for kind, port in services.items())
        host.file("services/lab.service", _GROUP.format(title=title, services=each))
    start = (
        f"mount --bind {host.folder}/services /etc/avahi/services; "
        f"exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {conf}"
    )
    process = host.start("sh", "-c", start)
    passes(SAID_S)
    return process


@case("mdns/host", "avahi-daemon")
def plain(lab: Lab) -> None:
    """avahi claims a host's name, announces it, and takes it back at its end (TTL 0)."""
    stop(avahi(lab.host("ash", "10.77.0.12/24")))


@case("mdns/workstation", "avahi-daemon")
def workstation(lab: Lab) -> None:
    """avahi announces a workstation, with its MAC in the name, and HINFO."""
    avahi(lab.host("ash", "10.77.0.12/24"), workstation=True)


@case("mdns/services", "avahi-daemon")
def services(lab: Lab) -> None:
    """avahi announces ssh, sftp and http of a host."""
    avahi(lab.host("ash", "10.77.0.12/24"), {"_ssh._tcp": 22, "_sftp-ssh._tcp": 22, "_http._tcp": 80})


@case("mdns/printer", "avahi-daemon")
def printer(lab: Lab) -> None:
    """Stands for a printer: avahi announces what those do (ipp, printer, pdl-datastream), by a service file."""
    texts = "<txt-record>ty=Laser 400</txt-record><txt-record>product=(Laser 400)</txt-record>"
    kinds = {"_ipp._tcp": 631, "_printer._tcp": 515, "_pdl-datastream._tcp": 9100}
    avahi(lab.host("printer3", "10.77.0.33/24"), kinds, title="Laser 400 on %h", texts=texts)


@case("mdns/openbmc", "avahi-daemon")
def openbmc(lab: Lab) -> None:
    """Stands for OpenBMC: avahi announces what its firmware does (obmc_rest, obmc_console), by a service file."""
    kinds = {"_obmc_rest._tcp": 443, "_obmc_redfish._tcp": 443, "_obmc_console._tcp": 2200}
    avahi(lab.host("bmc12", "10.77.0.112/24"), kinds, title="bmc12")


@case("mdns/name-taken", "avahi-daemon")
def taken(lab: Lab) -> None:
    """Two hosts have one name: the second one takes another, by itself."""
    avahi(lab.host("ash", "10.77.0.12/24"))
    other = lab.host("ash2", "10.77.0.13/24")
    other.name = "ash"
    avahi(other)


@case("mdns/ipv6", "avahi-daemon", "linux")
def ipv6(lab: Lab) -> None:
    """avahi on a host with addresses of IPv4 and IPv6: over both."""
    host = lab.host("ash", "10.77.0.12/24", ipv6=True)
    passes(2)
    avahi(host, {"_ssh._tcp": 22}, ipv6=True)


@case("mdns/many-services", "avahi-daemon")
def many(lab: Lab) -> None:
    """avahi announces twenty services of one host."""
    avahi(lab.host("oak", "10.77.0.11/24"), {f"_lab{number}._tcp": 7000 + number for number in range(20)})


@case("mdns/asked-by-dig", "avahi-daemon", "bind9-dnsutils")
def asked(lab: Lab) -> None:
    """dig asks the group for a name and for a service (RFC 6762 §6.7): avahi answers it alone."""
    avahi(lab.host("ash", "10.77.0.12/24"), {"_ssh._tcp": 22})
    asking = lab.host("elm", "10.77.0.13/24")
    asking.ip("route add 224.0.0.0/4 dev eth0")
    for kind, name in (("A", "ash.local"), ("PTR", "_ssh._tcp.local"), ("ANY", "ash.local")):
        asking.run("dig", "+time=1", "+tries=1", "-p", "5353", "@224.0.0.251", name, kind, timeout_s=5)


@case("llmnr/asked-by-dig", "bind9-dnsutils")
def llmnr(lab: Lab) -> None:
    """dig asks the group of LLMNR for a name; nobody answers."""
    asking = lab.host("elm", "10.77.0.13/24")
    asking.ip("route add 224.0.0.0/4 dev eth0")
    words = ("+time=1", "+tries=2", "+norecurse", "+noedns", "+noad", "-p", "5355", "@224.0.0.252", "filer", "A")
    asking.run("dig", *words, timeout_s=5)


def wsdd(host: Host, number: int, *options: str) -> dhcp.Program:
    """WS-Discovery by wsdd."""
    words = ("-i", "eth0", "-U", f"00000000-0000-4000-8000-0000000077{number:02x}", *options)
    process = host.start("wsdd", *words)
    passes(SAID_S)
    return process


@case("wsd/hello-bye", "wsdd")
def hello(lab: Lab) -> None:
    """wsdd says hello for a host, and bye at its end."""
    stop(wsdd(lab.host("filer", "10.77.0.12/24"), 1, "-4"))


@case("wsd/probe", "wsdd")
def probe(lab: Lab) -> None:
    """wsdd on one host looks for others: its probe is answered, the host that it finds is resolved."""
    wsdd(lab.host("filer", "10.77.0.12/24"), 1, "-4")
    wsdd(lab.host("desk", "10.77.0.13/24"), 2, "-4", "-D", "-o", "-l", "8899")


@case("wsd/ipv6", "wsdd", "linux")
def wsd6(lab: Lab) -> None:
    """wsdd over IPv6 only: hello, probe, answer."""
    hosts = [lab.host(name, ipv6=True) for name in ("filer", "desk")]
    passes(2.5)
    wsdd(hosts[0], 1, "-6")
    wsdd(hosts[1], 2, "-6", "-D", "-o", "-l", "8899")


_REGISTER: Final = """
import socket, sys
def word(text):
    data = text.encode()
    return bytes([len(data)]) + data
with socket.socket(socket.AF_UNIX) as daemon:
    daemon.connect(sys.argv[1])
    daemon.sendall(bytes([4]) + b"".join(map(word, sys.argv[2:])))
"""
_SEARCH: Final = (
    'M-SEARCH * HTTP/1.1\\r\\nHOST: 239.255.255.250:1900\\r\\nMAN: "ssdp:discover"\\r\\nMX: 1\\r\\nST: {}\\r\\n\\r\\n'
)
_ROOT: Final = "uuid:00000000-0000-4000-8000-000000007701"


def minissdpd(host: Host, *services: tuple[str, str, str]) -> None:
    """SSDP by minissdpd, which answers for services: kind, server, location."""
    path = host.folder / "ssdp.socket"
    host.ip("route add 224.0.0.0/4 dev eth0")
    host.start("minissdpd", "-d", "-i", "eth0", "-s", path, "-p", host.folder / "minissdpd.pid")
    passes(1)
    register = host.file("register.py", _REGISTER)
    for kind, server, location in services:
        host.run(executable, register, path, kind, f"{_ROOT}::{kind}", server, location)


def search(host: Host, kind: str) -> None:
    """Ask for services, from bash."""
    host.ip("route replace 224.0.0.0/4 dev eth0")
    host.shell(f"exec bash -c 'printf \"{_SEARCH.format(kind)}\" | cat > /dev/udp/239.255.255.250/1900'")
    passes(1.5)


UPNP: Final = "Debian/12 UPnP/1.1 lab/1.0"


@case("ssdp/root-device", "minissdpd", "bash")
def root_device(lab: Lab) -> None:
    """minissdpd answers for a device of UPnP; the question is bash's."""
    device = ("upnp:rootdevice", UPNP, "http://10.77.0.12:49152/description.xml")
    minissdpd(lab.host("ash", "10.77.0.12/24"), device)
    search(lab.host("elm", "10.77.0.13/24"), "upnp:rootdevice")


@case("ssdp/gateway", "minissdpd", "bash")
def gateway(lab: Lab) -> None:
    """Stands for a home router: minissdpd answers for an InternetGatewayDevice; the question is bash's."""
    kind = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
    minissdpd(lab.host("gate", "10.77.0.1/24"), (kind, UPNP, "http://10.77.0.1:5000/rootDesc.xml"))
    search(lab.host("elm", "10.77.0.13/24"), "ssdp:all")


@case("ssdp/redfish", "minissdpd", "bash")
def redfish(lab: Lab) -> None:
    """Stands for a BMC: minissdpd answers for a Redfish service (DSP0266); the question is bash's."""
    kind = "urn:dmtf-org:service:redfish-rest:1"
    minissdpd(lab.host("bmc12", "10.77.0.112/24"), (kind, UPNP, "https://10.77.0.112/redfish/v1/"))
    search(lab.host("elm", "10.77.0.13/24"), kind)


@case("ssdp/nobody-answers", "bash")
def nobody(lab: Lab) -> None:
    """A search by bash that nobody answers."""
    search(lab.host("elm", "10.77.0.13/24"), "ssdp:all")
