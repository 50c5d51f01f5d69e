"""What the kernel says of this machine's interfaces (netdevice(7)); nothing is changed, nobody is asked on the wire."""

import fcntl
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from fibrix.types import MacAddress, mac_from_octets

_SIOCGIFFLAGS: Final = 0x8913
_SIOCGIFHWADDR: Final = 0x8927
_SIOCGIFVLAN: Final = 0x8982
_IFF_UP: Final = 1
_ETHERNET: Final = 1  # ARPHRD_ETHER
_REQUEST: Final = struct.Struct("@16sH22x")  # struct ifreq: the name, then flags or the kind of a hardware address
_HARDWARE: Final = struct.Struct("@16xH6s16x")
_VLAN: Final = struct.Struct("@i24s24s4x")  # struct vlan_ioctl_args: what is asked, of which interface, the answer
_PARENT: Final = 8  # GET_VLAN_REALDEV_NAME_CMD
_NUMBER: Final = 9  # GET_VLAN_VID_CMD


@dataclass(frozen=True, slots=True)
class Tagged:
    """What an interface is that has a VLAN of another one for its own."""

    parent: str
    vlan: int


class Links:
    """Looks at interfaces, by a socket of its own. Opening raises OSError."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def is_up(self, name: str) -> bool:
        """Whether it is there and switched on."""
        try:
            answer = fcntl.ioctl(self._socket, _SIOCGIFFLAGS, _REQUEST.pack(name.encode(), 0))
        except OSError:
            return False
        return bool(_REQUEST.unpack(answer)[1] & _IFF_UP)

    def macs(self) -> frozenset[MacAddress]:
        """The MACs of all Ethernet interfaces. Raises OSError."""
        found: set[MacAddress] = set()
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # gone meanwhile
                answer = fcntl.ioctl(self._socket, _SIOCGIFHWADDR, _REQUEST.pack(name.encode(), 0))
                kind, octets = _HARDWARE.unpack(answer)
                if kind == _ETHERNET:
                    found.add(mac_from_octets(octets))
        return frozenset(found)

    def tagged(self, name: str) -> Tagged | None:
        """Which VLAN of which interface it is; None: it is none, or there is no such interface."""
        try:
            parent = self._ask(_PARENT, name).rstrip(b"\0").decode()
            (vlan,) = struct.unpack_from("@i", self._ask(_NUMBER, name))
        except OSError:
            return None
        return Tagged(parent, vlan)

    def _ask(self, question: int, name: str) -> bytes:
        answer: bytes = fcntl.ioctl(self._socket, _SIOCGIFVLAN, _VLAN.pack(question, name.encode(), b""))
        found: bytes = _VLAN.unpack(answer)[2]
        return found
