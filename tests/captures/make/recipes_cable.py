"""Cases of LLDP and CDP: what devices announce on a cable."""

import shlex
from pathlib import Path
from typing import Final

from tests.captures.make.disguise import NEEDS, disguised
from tests.captures.make.lab import Host, Lab, passes, stop
from tests.captures.make.recipe import case

SYSTEM: Final = "Debian GNU/Linux 12 (bookworm) Linux 6.1.0-18-amd64 x86_64"
CUMULUS: Final = "Cumulus Linux version 5.4.0 running on Mellanox Technologies Ltd. MSN2010"
HEARD_S: Final = 2.5


def lldpd(host: Host, *options: str | Path, conf: str = "", system: str = SYSTEM) -> None:
    """LLDP on all interfaces of a host, until it stops and takes its word back."""
    lines = host.file("lldpd.conf", f"configure lldp tx-interval 1\n{conf}\n")
    words = ("-d", "-i", "-k", "-S", system, "-O", lines, "-I", "*")
    process = host.start("lldpd", *words, *options)
    passes(HEARD_S)
    stop(process)


def ladvd(host: Host, *options: str) -> None:
    """The first round of ladvd's announcements."""
    line = shlex.join([*disguised(host.folder), "timeout", "3", "ladvd", "-f", "-t", *options])
    host.run("sh", "-c", f"{line} 2>&1 | cat", timeout_s=8)  # it lets itself write no file, not even a log


@case("lldp/station", "lldpd")
def station(lab: Lab) -> None:
    """lldpd on a host with one address: a station; at its end it says that it is gone (TTL 0)."""
    lldpd(lab.host("ash", "10.77.0.12/24"))


@case("lldp/no-address", "lldpd")
def no_address(lab: Lab) -> None:
    """lldpd on a host that has no address yet."""
    lldpd(lab.host("ash"))


@case("lldp/router", "lldpd")
def router(lab: Lab) -> None:
    """lldpd on a host that forwards: a router."""
    host = lab.host("gate", "10.77.0.1/24")
    host.set("net/ipv4/ip_forward", "1")
    lldpd(host)


def _switch_host(lab: Lab, name: str = "leaf1") -> Host:
    """A host whose cable is a port of a bridge of its own."""
    host = lab.host(name)
    for words in (
        "link add bridge0 type bridge",
        "link set bridge0 up",
        "link set eth0 down",
        "link set eth0 name swp1",
        "link set swp1 master bridge0 up",
        "addr add 10.77.0.2/24 dev bridge0",
    ):
        host.ip(words)
    return host


@case("lldp/bridge", "lldpd")
def bridge(lab: Lab) -> None:
    """lldpd on a host whose cable is in a bridge: the capability bridge, with the system description of Debian."""
    lldpd(_switch_host(lab, "pod"))


@case("lldp/switch-cumulus", "lldpd")
def cumulus(lab: Lab) -> None:
    """Stands for a switch: lldpd, as Cumulus Linux has it, with that system description set by hand; port `swp1`."""
    port = "configure ports swp1 lldp portidsubtype ifname\nconfigure ports swp1 lldp portdescription server-12"
    lldpd(_switch_host(lab), "-m", "10.77.0.2", conf=port, system=CUMULUS)


@case("lldp/switch-plain", "lldpd")
def plain_switch(lab: Lab) -> None:
    """Stands for a switch of an unknown make: a bridge, its description set by hand, its chassis told by its name."""
    lldpd(_switch_host(lab, "sw-rack3"), "-C", "!*", system="JetStream 24-Port Gigabit Switch")


@case("lldp/addresses", "lldpd", "linux")
def addresses(lab: Lab) -> None:
    """lldpd that tells all addresses of a host, of IPv4 and IPv6."""
    host = lab.host("ash", "10.77.0.12/24", "10.77.1.12/24", ipv6=True)
    host.ip("addr add 2001:db8:77::12/64 dev eth0 nodad")
    passes(2)
    lldpd(host, "-m", "10.77.*,2001:db8:77::12")


@case("lldp/phone", "lldpd")
def phone(lab: Lab) -> None:
    """Stands for a telephone: lldpd as LLDP-MED device of class III, with its network policy and VLAN 300."""
    policy = "configure med policy application voice tagged vlan 300 priority voice dscp 46"
    place = 'configure med location address country US street "Commercial Road" city "Roseville"'
    lldpd(lab.host("phone7", "10.77.0.70/24"), "-M", "3", conf=f"{policy}\n{place}", system="Model 7")


@case("lldp/custom-tlvs", "lldpd")
def custom(lab: Lab) -> None:
    """lldpd with TLVs of an organisation: the port's VLAN (802.1 type 1) set by hand, and one that nobody knows."""
    vlan = "configure lldp custom-tlv oui 00,80,c2 subtype 1 oui-info 00,78"
    other = "configure lldp custom-tlv oui 33,44,55 subtype 254 oui-info 55,55,55,55"
    lldpd(lab.host("ash", "10.77.0.12/24"), conf=f"{vlan}\n{other}")


@case("lldp/renamed", "lldpd")
def renamed(lab: Lab) -> None:
    """lldpd whose system name is changed while it runs."""
    host = lab.host("ash", "10.77.0.12/24")
    lldpd(host)
    lldpd(host, conf="configure system hostname oak")


@case("lldp/two-ports", "lldpd")
def two_ports(lab: Lab) -> None:
    """A host with two cables to one switch: a MAC each, one chassis."""
    host = lab.host("ash", "10.77.0.12/24")
    lab.switch.plug(host, "eth1")
    lldpd(host)


@case("lldp/ladvd", "ladvd", *NEEDS)
def ladvd_lldp(lab: Lab) -> None:
    """ladvd speaks LLDP; the kernel that it names is a made-up one."""
    ladvd(lab.host("ash", "10.77.0.12/24"), "-L")


@case("cdp/ladvd", "ladvd", *NEEDS)
def ladvd_cdp(lab: Lab) -> None:
    """ladvd speaks CDP; the kernel that it names is a made-up one."""
    ladvd(lab.host("ash", "10.77.0.12/24"), "-C")


@case("cdp/ladvd-all", "ladvd", *NEEDS)
def ladvd_all(lab: Lab) -> None:
    """ladvd speaks LLDP, CDP, EDP, FDP and NDP (SONMP) on a router: the last three are not read."""
    host = lab.host("gate", "10.77.0.1/24")
    host.set("net/ipv4/ip_forward", "1")
    ladvd(host, "-L", "-C", "-E", "-F", "-N")


@case("cdp/lldpd-v1", "lldpd")
def cdp_one(lab: Lab) -> None:
    """lldpd speaks CDP version 1 besides LLDP."""
    lldpd(lab.host("ash", "10.77.0.12/24"), "-ccc", "-P", "Linux")


@case("cdp/lldpd-v2", "lldpd")
def cdp_two(lab: Lab) -> None:
    """lldpd speaks CDP version 2 and no LLDP; its platform is set by hand, as a switch's."""
    lldpd(
        _switch_host(lab, "leaf2"), "-ll", "-ccccc", "-P", "cisco WS-C2960-24TT-L", system="Cisco IOS Software, C2960"
    )
