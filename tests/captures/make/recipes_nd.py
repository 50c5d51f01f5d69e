"""Cases of IPv6: neighbour discovery."""

from typing import Final

from tests.captures.make import dhcp
from tests.captures.make.lab import Host, Lab, passes, stop, until
from tests.captures.make.recipe import case

RADVD: Final = """
interface eth0 {{
  AdvSendAdvert on;
  MinRtrAdvInterval 3; MaxRtrAdvInterval 4; MinDelayBetweenRAs 3;
  AdvDefaultLifetime {lifetime};
  AdvSourceLLAddress on;
  AdvLinkMTU 1500;
  prefix {prefix} {{ AdvOnLink on; AdvAutonomous on; AdvValidLifetime 3600; AdvPreferredLifetime 1800; }};
  {more}
}};
"""
ROUTER: Final = "2001:db8:77::1"
PREFIX: Final = "2001:db8:77::/64"


def radvd(host: Host, lifetime: int = 1800, prefix: str = PREFIX, more: str = "") -> dhcp.Program:
    """A router that says so."""
    host.set("net/ipv6/conf/all/forwarding", "1")
    conf = host.file("radvd.conf", RADVD.format(lifetime=lifetime, prefix=prefix, more=more), 0o644)
    return host.start("radvd", "-n", "-C", conf, "-p", host.folder / "radvd.pid", "-m", "stderr", "-u", "root")


def settled(host: Host, count: int = 1) -> None:
    """Wait until a host has so many addresses of IPv6 that are its own."""
    until(lambda: len(host.addresses("inet6")) >= count, f"{count} IPv6 addresses of {host.name}")


def router(lab: Lab, name: str = "gate", address: str = ROUTER) -> Host:
    """A host that can be a router, its addresses checked."""
    host = lab.host(name, ipv6=True)
    host.ip(f"addr add {address}/64 dev eth0")
    settled(host, 2)
    return host


@case("nd/duplicate-detection", "linux")
def detection(lab: Lab) -> None:
    """A host comes up: it checks by neighbour solicitation that nobody has its link-local address (RFC 4862)."""
    settled(lab.host("ash", ipv6=True))


@case("nd/slaac", "radvd", "linux")
def slaac(lab: Lab) -> None:
    """A host comes up, asks for a router, gets a prefix, makes an address of it and checks that."""
    radvd(router(lab))
    host = lab.host("ash", ipv6=True)
    settled(host, 2)
    passes(3.5)


@case("nd/privacy-addresses", "radvd", "linux")
def privacy(lab: Lab) -> None:
    """A host takes temporary addresses besides (RFC 8981), and pings the router from one."""
    radvd(router(lab))
    host = lab.loose_host("ash", ipv6=True)
    host.set("net/ipv6/conf/default/use_tempaddr", "2")
    lab.switch.plug(host)
    settled(host, 3)
    host.run("busybox", "ping6", "-c", "1", ROUTER)
    passes(6)


@case("nd/ping", "busybox", "linux")
def pings(lab: Lab) -> None:
    """A host pings another one's IPv6 address: solicitation, advertisement, echo."""
    hosts = [lab.host(name, ipv6=True) for name in ("oak", "ash")]
    for number, host in enumerate(hosts, 11):
        host.ip(f"addr add 2001:db8:77::{number}/64 dev eth0")
        settled(host, 2)
    hosts[1].run("busybox", "ping6", "-c", "2", "2001:db8:77::11")
    passes(6)


@case("nd/conflict", "linux")
def conflict(lab: Lab) -> None:
    """A host sets an address that another one has: that one advertises it, and it is left unused."""
    first, second = lab.host("oak", ipv6=True), lab.host("ash", ipv6=True)
    settled(first)
    settled(second)
    for host in (first, second):
        host.ip("addr add 2001:db8:77::11/64 dev eth0")
        passes(2.5)


@case("nd/contested", "busybox", "linux")
def contested(lab: Lab) -> None:
    """Two hosts have one IPv6 address, as neither of them checks; a third asks for it, and both advertise it."""
    hosts = [lab.host(name, ipv6=True) for name in ("oak", "ash", "elm")]
    for host in hosts:
        settled(host)
    for host in hosts[:2]:
        host.ip("addr add 2001:db8:77::11/64 dev eth0 nodad")
    hosts[2].ip("addr add 2001:db8:77::13/64 dev eth0 nodad")
    for _ in range(3):
        hosts[2].run("busybox", "ping6", "-c", "1", "-W", "1", "2001:db8:77::11")
        hosts[2].ip("neigh flush dev eth0")
        passes(1)
    passes(3)


@case("nd/unsolicited", "linux")
def unsolicited(lab: Lab) -> None:
    """The kernel advertises its address when the interface comes up (ndisc_notify)."""
    host = lab.loose_host("ash", ipv6=True)
    host.set("net/ipv6/conf/default/ndisc_notify", "1")
    lab.switch.plug(host)
    settled(host)
    host.ip("addr add 2001:db8:77::12/64 dev eth0")
    settled(host, 2)
    passes(0.5)


@case("nd/ndisc6", "ndisc6", "linux")
def ndisc6(lab: Lab) -> None:
    """ndisc6 asks for the MAC of an address, and of one that nobody has."""
    oak, ash = lab.host("oak", ipv6=True), lab.host("ash", ipv6=True)
    oak.ip("addr add 2001:db8:77::11/64 dev eth0")
    settled(oak, 2)
    settled(ash)
    ash.run("ndisc6", "2001:db8:77::11", "eth0")
    ash.run("ndisc6", "-r", "1", "2001:db8:77::99", "eth0")


@case("nd/rdisc6", "ndisc6", "radvd", "linux")
def rdisc6(lab: Lab) -> None:
    """rdisc6 asks for routers; one answers, which is no default router (lifetime 0) but has a prefix."""
    radvd(router(lab), lifetime=0)
    ash = lab.loose_host("ash", ipv6=True)
    ash.set("net/ipv6/conf/default/accept_ra", "0")
    lab.switch.plug(ash)
    settled(ash)
    ash.run("rdisc6", "-1", "eth0")


@case("nd/router-goes", "radvd", "linux")
def router_goes(lab: Lab) -> None:
    """A router stops: its last advertisement has a lifetime of 0."""
    process = radvd(router(lab))
    settled(lab.host("ash", ipv6=True), 2)
    stop(process)
    passes(1)


@case("nd/two-routers", "radvd", "linux")
def two_routers(lab: Lab) -> None:
    """Two routers advertise a prefix each, one of them with DNS servers (RFC 8106) and a route (RFC 4191)."""
    radvd(router(lab))
    more = "RDNSS 2001:db8:78::1 { }; DNSSL rack.example { }; route 2001:db8:79::/48 { };"
    radvd(router(lab, "gate2", "2001:db8:78::1"), prefix="2001:db8:78::/64", more=more)
    host = lab.host("ash", ipv6=True)
    settled(host, 3)
    passes(3)


@case("nd/dual-stack-networkd", "systemd", "radvd", "dnsmasq-base")
def dual_stack(lab: Lab) -> None:
    """systemd-networkd gets an address by DHCP from dnsmasq and one by IPv6 from radvd."""
    gate = router(lab)
    gate.ip("addr add 10.77.0.1/24 dev eth0")
    radvd(gate)
    dhcp.dnsmasq(gate)
    host = lab.host("elm", ipv6=True)
    dhcp.networkd(host, ipv6=True)
    host.has_address()
    settled(host, 2)
    passes(3)


@case("nd/dual-stack-dhcpcd", "dhcpcd-base", "radvd", "dnsmasq-base")
def dual_stack_dhcpcd(lab: Lab) -> None:
    """dhcpcd does both itself: router solicitation and private addresses (RFC 7217), and DHCP from dnsmasq."""
    gate = router(lab)
    gate.ip("addr add 10.77.0.1/24 dev eth0")
    radvd(gate)
    dhcp.dnsmasq(gate)
    host = lab.host("cedar", ipv6=True)
    dhcp.dhcpcd(host, "--noipv4ll", "--nodhcp6")
    host.has_address()
    settled(host, 2)
    passes(3)


@case("nd/dnsmasq-router", "dnsmasq-base", "linux")
def dnsmasq_router(lab: Lab) -> None:
    """dnsmasq advertises a router and gives addresses by DHCP: one host has both."""
    gate = router(lab)
    gate.ip("addr add 10.77.0.1/24 dev eth0")
    gate.set("net/ipv6/conf/all/forwarding", "1")
    dhcp.dnsmasq(gate, "--enable-ra", "--dhcp-range=::,constructor:eth0,ra-only")
    host = lab.host("birch", ipv6=True)
    dhcp.udhcpc(host)
    host.has_address()
    settled(host, 2)
    passes(2)
