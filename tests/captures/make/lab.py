"""A network of one capture: switches, hosts with lab MACs, programs in them. Nothing leads out of it."""

import ctypes
import fcntl
import json
import os
import shlex
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from tests.support.netns import entered, ip, namespace

MACS: Final = "52:54:00:77"
MACHINE_ID: Final = "00000000000040008000000000007701"

_SIOCETHTOOL: Final = 0x8946
_SET_TX_CHECKSUMS: Final = 0x17  # ETHTOOL_STXCSUM of <linux/ethtool.h>
_LLDP_TOO: Final = "0x4000"  # bridges keep 01:80:c2:00:00:0e to themselves, unless told

# What a program keeps of itself, and what would name the machine that this runs on, is out of its sight.
_SHELL: Final = """
hostname {name}
for place in /run /var/lib /var/cache; do mount -t tmpfs -o mode=755 tmpfs $place || exit 1; done
mkdir -p /run/kea /run/lock /run/systemd /run/lldpd /run/ladvd /run/avahi-daemon
mkdir -p /var/lib/dhcp /var/lib/dhcpcd /var/lib/kea
mount --bind {machine_id} /etc/machine-id && mount --bind {hosts} /etc/hosts && mount --bind {name_file} /etc/hostname
exec "$@"
"""


class SilenceError(Exception):
    """What a case waits for did not come."""


def until(so: Callable[[], object], what: str, timeout_s: float = 20) -> None:
    """Wait until something is so. Raises SilenceError."""
    end = time.monotonic() + timeout_s
    while not so():
        if time.monotonic() > end:
            raise SilenceError(f"waited {timeout_s:g} s for {what}")
        passes(0.05)


def passes(seconds: float) -> None:
    """Let time go by."""
    Event().wait(seconds)


class Host:
    """A host of the lab: a network namespace, and a name of its own for the programs in it."""

    def __init__(self, lab: "Lab", name: str, netns: str) -> None:
        self.name = name
        self.netns = netns
        self.folder = lab.folder / name
        self.folder.mkdir()
        self._lab = lab
        (self.folder / "machine-id").write_text(f"{MACHINE_ID}\n")
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}.rack.example {name}\n")
        (self.folder / "hostname").write_text(f"{name}\n")

    def ip(self, words: str) -> None:
        """Run `ip` in it."""
        ip("-n", self.netns, *words.split())

    def set(self, key: str, value: str) -> None:
        """Set a key of the kernel's, as `net/ipv4/ip_forward`."""
        with entered(self.netns):
            Path("/proc/sys", key).write_text(value)

    def file(self, name: str, text: str, mode: int = 0o644) -> Path:
        """Write a file for a program in it."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def start(self, *command: str | Path, ends: bool = True) -> "subprocess.Popen[bytes]":
        """Start a program that runs until the case ends, or until it is stopped."""
        log = (self.folder / f"{Path(command[0]).name}.log").open("ab")
        with log:
            process = subprocess.Popen(self._wrapped(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if ends:
            self._lab.stack.callback(stop, process)
        return process

    def run(self, *command: str | Path, timeout_s: float = 20) -> None:
        """Run a program to its end, whatever that says."""
        process = self.start(*command)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            stop(process)

    def shell(self, text: str) -> None:
        """Run lines of shell to their end."""
        self.run("sh", "-c", text)

    def addresses(self, family: str = "inet", **wanted: object) -> list[str]:
        """What its interfaces have, the loopback aside."""
        said = subprocess.run(("ip", "-n", self.netns, "-j", "addr"), check=True, capture_output=True).stdout
        every = [one for link in json.loads(said) if link["ifname"] != "lo" for one in link["addr_info"]]
        fits = [one for one in every if one["family"] == family and wanted.items() <= one.items()]
        return [one["local"] for one in fits if not one.get("tentative")]

    def has_address(self, timeout_s: float = 20) -> str:
        """Wait until it has an IPv4 address; gives it."""
        until(self.addresses, f"an address of {self.name}", timeout_s)
        return self.addresses()[0]

    def listens(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        """Wait until something in it listens at a port of UDP."""
        tables = [Path(f"/proc/{process.pid}/net/{table}") for table in ("udp", "udp6")]
        needle = f":{port:04X} "
        until(lambda: process.poll() is None and any(needle in table.read_text() for table in tables), f"port {port}")

    def _wrapped(self, command: tuple[str | Path, ...]) -> list[str]:
        text = _SHELL.format(
            name=self.name,
            machine_id=shlex.quote(str(self.folder / "machine-id")),
            hosts=shlex.quote(str(self.folder / "hosts")),
            name_file=shlex.quote(str(self.folder / "hostname")),
        )
        entering = ("ip", "netns", "exec", self.netns, "unshare", "--uts", "sh", "-c", text, "sh")
        return [*entering, *map(str, command)]


def stop(process: "subprocess.Popen[bytes]", by: signal.Signals = signal.SIGTERM) -> None:
    """End a program: asked, then made to."""
    if process.poll() is None:
        process.send_signal(by)
        try:
            process.wait(4)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Switch:
    """A bridge that passes on everything, LLDP too, and says nothing itself."""

    def __init__(self, lab: "Lab", netns: str) -> None:
        self.netns = netns
        self._lab = lab
        self._ports = 0
        with entered(netns):
            Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        ip("-n", netns, "link", "add", "br0", "address", f"{MACS}:00:fe", "type", "bridge", "mcast_snooping", "0")
        ip("-n", netns, "link", "set", "br0", "type", "bridge", "group_fwd_mask", _LLDP_TOO)
        ip("-n", netns, "link", "set", "br0", "up")

    def plug(self, host: Host, interface: str = "eth0", mac: str = "") -> str:
        """Connect an interface of a host, which is new or was unplugged; gives the name of the switch's port."""
        self._ports += 1
        port = f"p{self._ports}"
        mac = mac or self._lab.mac()
        peer = ("peer", "name", interface, "address", mac, "netns", host.netns)
        ip("-n", self.netns, "link", "add", port, "type", "veth", *peer)
        ip("-n", self.netns, "link", "set", port, "master", "br0", "up")
        with entered(host.netns):
            _checksums_by_software(interface)
        host.ip(f"link set {interface} up")
        return port

    def unplug(self, port: str) -> None:
        """Pull the cable, interface and all."""
        ip("-n", self.netns, "link", "del", port)


class Lab:
    """Makes hosts and switches. The first switch is the one that is recorded."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.instead: Path | None = None  # a capture that was made otherwise than at the switch
        self._macs = 0
        self.switch = self.another_switch("sw")

    def another_switch(self, name: str) -> Switch:
        """A switch that nothing is plugged in yet."""
        return Switch(self, self._namespace(name))

    def host(self, name: str, *addresses: str, ipv6: bool = False, on: Switch | None = None, mac: str = "") -> Host:
        """A host at the switch, with addresses like `10.77.0.1/24`. `ipv6`: its kernel speaks that too."""
        host = self.loose_host(name, ipv6=ipv6)
        (on or self.switch).plug(host, mac=mac)
        for address in addresses:
            host.ip(f"addr add {address} dev eth0")
        return host

    def loose_host(self, name: str, *, ipv6: bool = False) -> Host:
        """A host that is not plugged in."""
        host = Host(self, name, self._namespace(name))
        if not ipv6:
            host.set("net/ipv6/conf/default/disable_ipv6", "1")
        return host

    def mac(self) -> str:
        """The next MAC that no host has."""
        self._macs += 1
        return f"{MACS}:{self._macs:02x}:01"

    def _namespace(self, name: str) -> str:
        return self.stack.enter_context(namespace(f"fxcap-{name}-{os.getpid()}"))


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """A lab whose programs and namespaces are gone after the block."""
    with ExitStack() as stack:
        yield Lab(folder, stack)


def _checksums_by_software(interface: str) -> None:
    """As `ethtool -K … tx off`: else the checksums in a capture are those that no hardware has made yet."""
    value = ctypes.create_string_buffer(struct.pack("=II", _SET_TX_CHECKSUMS, 0))
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as any_socket:
        request = struct.pack("@16sP16x", interface.encode(), ctypes.addressof(value))
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
