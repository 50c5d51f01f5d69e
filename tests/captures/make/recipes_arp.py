"""Cases of ARP: hosts that come, change, move and contest."""

from tests.captures.make.lab import Host, Lab, passes
from tests.captures.make.recipe import case

TOLD_S = 3.5  # the sniffer gathers news for less than that


def ping(host: Host, address: str, count: int = 1) -> None:
    """Ask an address for an echo: by ARP first."""
    host.run("busybox", "ping", "-c", str(count), "-W", "1", address)


@case("arp/ping", "busybox", "linux")
def pings(lab: Lab) -> None:
    """A host pings another: a request and a reply of ARP, then the echo."""
    lab.host("oak", "10.77.0.11/24")
    ping(lab.host("ash", "10.77.0.12/24"), "10.77.0.11", 2)


@case("arp/nobody-there", "busybox", "linux")
def nobody(lab: Lab) -> None:
    """A host asks for an address that nobody has: three requests, no reply."""
    ping(lab.host("ash", "10.77.0.12/24"), "10.77.0.99")
    passes(3)


@case("arp/notify", "busybox", "linux")
def notify(lab: Lab) -> None:
    """The kernel announces an address under a new MAC, when the interface is given one (arp_notify)."""
    lab.host("oak", "10.77.0.11/24")
    host = lab.host("ash", "10.77.0.12/24")
    host.set("net/ipv4/conf/eth0/arp_notify", "1")
    ping(host, "10.77.0.11")
    host.ip(f"link set eth0 address {lab.mac()}")
    passes(TOLD_S)


@case("arp/announced", "busybox", "linux")
def announced(lab: Lab) -> None:
    """arping announces an address, by gratuitous requests and then by gratuitous replies."""
    host = lab.host("ash", "10.77.0.12/24")
    host.run("busybox", "arping", "-U", "-c", "2", "-I", "eth0", "10.77.0.12")
    host.run("busybox", "arping", "-A", "-c", "2", "-I", "eth0", "10.77.0.12")


@case("arp/probe-free", "busybox")
def probe_free(lab: Lab) -> None:
    """arping probes an address before it is used (RFC 5227): sender 0.0.0.0, nobody answers."""
    lab.host("ash").run("busybox", "arping", "-D", "-c", "2", "-w", "3", "-I", "eth0", "10.77.0.12")


@case("arp/probe-taken", "busybox", "linux")
def probe_taken(lab: Lab) -> None:
    """arping probes an address that another host has, which defends it: no conflict, only one of them uses it."""
    lab.host("oak", "10.77.0.12/24")
    lab.host("ash").run("busybox", "arping", "-D", "-c", "2", "-w", "3", "-I", "eth0", "10.77.0.12")


@case("arp/conflict", "busybox", "linux")
def conflict(lab: Lab) -> None:
    """Two hosts have one address; a third asks for it again and again, and both answer."""
    lab.host("oak", "10.77.0.12/24")
    lab.host("ash", "10.77.0.12/24")
    asking = lab.host("elm", "10.77.0.13/24")
    for _ in range(4):
        ping(asking, "10.77.0.12")
        asking.ip("neigh flush dev eth0")
        passes(1)
    passes(TOLD_S)


@case("arp/address-changed", "busybox", "linux")
def address_changed(lab: Lab) -> None:
    """A host gives up its address for another one."""
    lab.host("oak", "10.77.0.11/24")
    host = lab.host("ash", "10.77.0.12/24")
    ping(host, "10.77.0.11")
    passes(TOLD_S)
    host.ip("addr del 10.77.0.12/24 dev eth0")
    host.ip("addr add 10.77.0.42/24 dev eth0")
    host.run("busybox", "arping", "-U", "-c", "1", "-I", "eth0", "10.77.0.42")
    ping(host, "10.77.0.11")
    passes(TOLD_S)


@case("arp/several-addresses", "busybox", "linux")
def several(lab: Lab) -> None:
    """A host has four addresses, in two networks, and announces each."""
    addresses = ("10.77.0.12", "10.77.0.13", "10.77.0.14", "192.0.2.12")
    host = lab.host("ash", *[f"{address}/24" for address in addresses])
    for address in addresses:
        host.run("busybox", "arping", "-U", "-c", "1", "-I", "eth0", address)


@case("arp/card-replaced", "busybox", "linux")
def card_replaced(lab: Lab) -> None:
    """A host gets another network card: its address stays, its MAC is a new one, the old one is silent."""
    lab.host("oak", "10.77.0.11/24")
    host = lab.loose_host("ash")
    port = lab.switch.plug(host)
    host.ip("addr add 10.77.0.12/24 dev eth0")
    ping(host, "10.77.0.11")
    passes(TOLD_S)
    lab.switch.unplug(port)
    lab.switch.plug(host)
    host.ip("addr add 10.77.0.12/24 dev eth0")
    host.run("busybox", "arping", "-U", "-c", "1", "-I", "eth0", "10.77.0.12")
    ping(host, "10.77.0.11")
    passes(TOLD_S)


@case("arp/failover", "busybox", "linux")
def failover(lab: Lab) -> None:
    """An address of a service moves from one host to another, which announces it, and back."""
    pair = [lab.host(name, f"10.77.0.{number}/24") for number, name in ((11, "left"), (12, "right"))]
    for host in pair:
        host.run("busybox", "arping", "-U", "-c", "1", "-I", "eth0", host.addresses()[0])
    for turn in (0, 1, 0):
        pair[turn].ip("addr add 10.77.0.200/32 dev eth0")
        pair[turn].run("busybox", "arping", "-U", "-c", "2", "-I", "eth0", "10.77.0.200")
        passes(1.5)
        pair[turn].ip("addr del 10.77.0.200/32 dev eth0")
    passes(TOLD_S)


@case("arp/proxy", "busybox", "linux")
def proxy(lab: Lab) -> None:
    """A router answers by ARP for the addresses of another network (proxy ARP)."""
    router = lab.host("gate", "10.77.0.1/24")
    beyond = lab.another_switch("beyond")
    beyond.plug(router, "eth1")
    router.ip("addr add 10.78.0.1/24 dev eth1")
    router.set("net/ipv4/ip_forward", "1")
    router.set("net/ipv4/conf/eth0/proxy_arp", "1")
    router.set("net/ipv4/neigh/eth0/proxy_delay", "0")
    for number in (20, 21):
        far = lab.host(f"far{number}", f"10.78.0.{number}/24", on=beyond)
        far.ip("route add default via 10.78.0.1")
    host = lab.host("ash", "10.77.0.12/8")
    for number in (20, 21):
        ping(host, f"10.78.0.{number}", 2)
    passes(TOLD_S)


@case("arp/same-mac-twice", "busybox", "linux")
def same_mac(lab: Lab) -> None:
    """Two hosts have one MAC, as copied virtual machines do, each with an address of its own; they speak in turns."""
    mac = lab.mac()
    hosts = [lab.host(name, f"10.77.0.{number}/24", mac=mac) for number, name in ((21, "twin1"), (22, "twin2"))]
    for _ in range(3):
        for host in hosts:
            host.run("busybox", "arping", "-U", "-c", "1", "-I", "eth0", host.addresses()[0])
    passes(TOLD_S)


@case("arp/link-local", "busybox", "linux")
def link_local(lab: Lab) -> None:
    """Hosts with addresses of their own choice (RFC 3927) find each other."""
    lab.host("oak", "169.254.7.11/16")
    ping(lab.host("ash", "169.254.7.12/16"), "169.254.7.11")


@case("arp/bridged-guest", "busybox", "linux")
def guest(lab: Lab) -> None:
    """A host with a guest behind a macvlan interface of its own MAC: two MACs on one cable, two hosts."""
    host = lab.host("pod", "10.77.0.30/24")
    host.ip("link add link eth0 name guest0 address 52:54:00:77:0a:01 type macvlan mode bridge")
    host.ip("addr add 10.77.0.31/24 dev guest0")
    host.ip("link set guest0 up")
    for interface, address in (("eth0", "10.77.0.30"), ("guest0", "10.77.0.31")):
        host.run("busybox", "arping", "-U", "-c", "1", "-I", interface, address)


@case("ping/echo-replies", "busybox", "linux")
def echo_replies(lab: Lab) -> None:
    """A host pings three others; one address has nobody."""
    for number in (11, 12, 13):
        lab.host(f"h{number}", f"10.77.0.{number}/24")
    asking = lab.host("ash", "10.77.0.2/24")
    for number in (11, 12, 13, 14):
        ping(asking, f"10.77.0.{number}")
