"""DHCP clients and servers, each as a host of the lab runs it."""

from collections.abc import Callable
from pathlib import Path
from signal import SIGUSR2
from subprocess import Popen
from sys import executable
from typing import Final, TypeAlias

from tests.captures.make.lab import Host, Lab, passes, stop, until
from tests.peers.dhcp_link import dnsmasq as dnsmasq_command

ROOT: Final = Path(__file__).parents[3]
FIRST, LAST = "10.77.0.100", "10.77.0.119"
LEASE_S: Final = 600

HOOK: Final = """#!/bin/sh
interface=${interface:-eth0}
case "$1$reason" in
  bound*|renew*) ip addr replace "$ip/$mask" dev "$interface" ;;
  deconfig*) ip -4 addr flush dev "$interface" ;;
  BOUND|REBOOT|REBIND|RENEW|INFORM) ip addr replace "$new_ip_address/${new_subnet_mask:-24}" dev "$interface" ;;
  RELEASE|EXPIRE|FAIL|NAK) ip -4 addr flush dev "$interface" ;;
esac
"""
NETWORK: Final = """
[Match]
Name=eth0
[Network]
DHCP=ipv4
LinkLocalAddressing={link_local}
IPv6AcceptRA={accept}
[DHCPv4]
UseHostname=no
"""
KEA: Final = """
{{"Dhcp4": {{
 "interfaces-config": {{"interfaces": ["eth0"]}},
 "lease-database": {{"type": "memfile", "persist": false}},
 "valid-lifetime": 600,
 "subnet4": [{{"subnet": "10.77.0.0/24", "pools": [{{"pool": "{first} - {last}"}}],
   "option-data": [{{"name": "routers", "data": "10.77.0.254"}}, {{"name": "domain-name-servers", "data": "10.77.0.1"}}]
 }}]
}}}}
"""
DHCPD: Final = """
default-lease-time 600;
authoritative;
ping-check false;
subnet 10.77.0.0 netmask 255.255.255.0 {{
  range {first} {last};
  option routers 10.77.0.254;
  option domain-name "rack.example";
  option domain-name-servers 10.77.0.1;
}}
{more}
"""
UDHCPD: Final = """
start {first}
end {last}
interface eth0
lease_file {folder}/udhcpd.leases
option subnet 255.255.255.0
option router 10.77.0.254
option dns 10.77.0.1
option lease 600
"""

Program: TypeAlias = "Popen[bytes]"


def hook(host: Host) -> Path:
    """The script that sets the addresses that udhcpc, dhclient and dhcpcd get."""
    return host.file("hook", HOOK, 0o755)


def udhcpc(host: Host, *options: str, name: str = "") -> Program:
    """BusyBox's, as Debian packs it."""
    told = ("-x", f"hostname:{name or host.name}")
    return host.start("udhcpc", "-f", "-i", "eth0", "-s", hook(host), *told, *options)


def dhclient(host: Host, *options: str | Path, conf: str = "") -> Program:
    """ISC's, with Debian's configuration or a case's own."""
    return host.start("dhclient", "-d", *_dhclient_files(host, conf), *options, "eth0")


def dhclient_gives_back(host: Host) -> None:
    """Release the address; another process of it does that."""
    host.run("dhclient", "-r", *_dhclient_files(host, ""), "eth0")


def _dhclient_files(host: Host, conf: str) -> tuple[str | Path, ...]:
    path = host.file("dhclient.conf", conf) if conf else "/etc/dhcp/dhclient.conf"
    return ("-sf", hook(host), "-lf", host.folder / "leases", "-pf", host.folder / "pid", "-cf", path)


def dhcpcd(host: Host, *options: str | Path, conf: str = "") -> Program:
    """dhcpcd with Debian's configuration, but no word of the kernel that this runs on."""
    text = Path("/etc/dhcpcd.conf").read_text().replace("\nvendorclassid", "\nvendorclassid dhcpcd-9.4.1:Linux")
    files = ("-f", host.file("dhcpcd.conf", f"{text}\nhostname\nrelease\n{conf}"), "--script", hook(host))
    return host.start("dhcpcd", "-B", *files, *(options or ("-4", "--noipv4ll")), "eth0")


def networkd(host: Host, *, ipv6: bool = False) -> Program:
    """systemd's, without a systemd around it."""
    text = NETWORK.format(link_local="ipv6" if ipv6 else "no", accept="yes" if ipv6 else "no")
    conf = host.file("eth0.network", text)
    start = (
        "mkdir -p /run/systemd/network /run/systemd/netif; mount -o remount,ro /sys; "
        f"cp {conf} /run/systemd/network/; exec /lib/systemd/systemd-networkd"
    )
    return host.start("sh", "-c", start)


def dnsmasq(host: Host, *options: str, first: str = FIRST, last: str = LAST) -> Program:
    """dnsmasq that gives addresses and nothing else."""
    process = host.start(*dnsmasq_command(host.folder, "eth0", first, last), *options)
    host.listens(process, 67)
    return process


def dhcpd(host: Host, more: str = "", first: str = FIRST, last: str = LAST) -> Program:
    """ISC's server."""
    conf = host.file("dhcpd.conf", DHCPD.format(first=first, last=last, more=more))
    (leases := host.folder / "dhcpd.leases").touch()
    process = host.start("dhcpd", "-4", "-f", "-d", "--no-pid", "-cf", conf, "-lf", leases, "eth0")
    host.listens(process, 67)
    return process


def kea(host: Host) -> Program:
    """ISC's newer one."""
    conf = host.file("kea.json", KEA.format(first=FIRST, last=LAST))
    folders = (f"KEA_PIDFILE_DIR={host.folder}", f"KEA_LOCKFILE_DIR={host.folder}")
    process = host.start("env", *folders, "kea-dhcp4", "-c", conf)
    host.listens(process, 67)
    return process


def udhcpd(host: Host, first: str = FIRST, last: str = LAST) -> Program:
    """BusyBox's server."""
    conf = host.file("udhcpd.conf", UDHCPD.format(first=first, last=last, folder=host.folder))
    (host.folder / "udhcpd.leases").touch()
    process = host.start("busybox", "udhcpd", "-f", conf)
    host.listens(process, 67)
    return process


def fibrix(host: Host) -> Program:
    """Fibrix's DHCP service by itself; it gives addresses from 10.77.16.0 on, at an interface `s0`."""
    host.ip("link set eth0 down")
    host.ip("link set eth0 name s0")
    host.ip("link set s0 up")
    start = f"cd {ROOT} && exec {executable} -m tests.support.dhcp_server {host.folder}"
    process = host.start("sh", "-c", start)
    host.listens(process, 67)
    return process


def udhcpc_gives_back(process: Program) -> None:
    """Ask it for its release."""
    process.send_signal(SIGUSR2)
    passes(0.5)


def leave(host: Host, process: Program, client: str) -> None:
    """Give the address back, as each client is asked to."""
    if client == "udhcpc":
        udhcpc_gives_back(process)
    elif client == "dhclient":
        stop(process)
        dhclient_gives_back(host)
    else:
        stop(process)
    passes(0.3)


CLIENTS: Final[dict[str, tuple[str, Callable[[Host], Program]]]] = {
    "dhclient": ("isc-dhcp-client", dhclient),
    "udhcpc": ("udhcpc", udhcpc),
    "dhcpcd": ("dhcpcd-base", dhcpcd),
    "networkd": ("systemd", networkd),
}
SERVERS: Final[dict[str, tuple[str, Callable[[Host], Program]]]] = {
    "dnsmasq": ("dnsmasq-base", dnsmasq),
    "dhcpd": ("isc-dhcp-server", dhcpd),
    "kea": ("kea-dhcp4-server", kea),
    "udhcpd": ("busybox", udhcpd),
    "fibrix": ("fibrix", fibrix),
}


def served(lab: Lab, server: str = "dnsmasq") -> Host:
    """A server at 10.77.0.1 that is ready."""
    host = lab.host("gate", "10.77.0.1/16" if server == "fibrix" else "10.77.0.1/24")
    SERVERS[server][1](host)
    return host


def released(host: Host) -> None:
    """Wait until a host has no address any more."""
    until(lambda: not host.addresses(), f"{host.name} to give its address back")
