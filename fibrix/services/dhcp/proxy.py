"""proxyDHCP (PXE 2.1 §2.2): what to boot, beside another server that gives the addresses. Pure.

A network boot client's DHCPDISCOVER is answered with an offer of no address; it takes its address from the other
server, and the boot file from this offer. One that asks again, on port 4011 from the address that it has by then, is
told the same in a DHCPACK. Nobody else is answered.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.boot_file import HTTP_CLIENT, BootFile, boot_file
from fibrix.domain.network import Subnet, SubnetMode
from fibrix.domain.rack import RackSnapshot
from fibrix.services.dhcp.query import Query
from fibrix.services.dhcp.reply import Reply, Way
from fibrix.wire.dhcp4.area import collect
from fibrix.wire.dhcp4.message import ANY, BROADCAST_FLAG, Message, Op
from fibrix.wire.dhcp4.options import (
    BOOT_FILE_NAME,
    CLIENT_IDENTIFIER,
    CLIENT_MACHINE,
    MESSAGE_TYPE,
    RELAY_AGENT_INFORMATION,
    SERVER_IDENTIFIER,
    TFTP_SERVER_NAME,
    VENDOR_CLASS,
    VENDOR_SPECIFIC,
    MessageType,
)

PXE_CLIENT: Final = "PXEClient"

_EVERYONE: Final = IPv4Address("255.255.255.255")
_FILE_ROOM: Final = 127  # octets of the `file` field but its NUL
_TAKE_THE_FILE: Final = bytes((6, 1, 8, 255))  # PXE_DISCOVERY_CONTROL, bit 3: no menu, no search for boot servers
_BOOT_ITEM: Final = 71  # PXE_BOOT_ITEM: the boot server type and layer that is asked for, given back in the answer
_ITEM_SIZE: Final = 4
_GIVEN_BACK: Final = (CLIENT_MACHINE.code, CLIENT_IDENTIFIER.code, RELAY_AGENT_INFORMATION.code)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A reply, or the reason why there is none."""

    subnet: Subnet
    reply: Reply | None
    reason: str = ""


def proxied(query: Query, snapshot: RackSnapshot) -> Subnet | None:
    """The subnet in proxy mode that a client on port 67 is in. Raises MalformedPacketError."""
    subnets = (subnet for subnet in snapshot.subnets if subnet.mode is SubnetMode.PROXY)
    if query.relayed:
        return next((subnet for subnet in subnets if IPv4Address(query.link) in subnet.network), None)
    here = (one for one in subnets if one.interface == query.arrival.interface and not one.relayed)
    return next(here, None)


def offer(query: Query, subnet: Subnet, *, known: bool, http_port: int) -> Proposal:
    """What to answer on port 67: boot clients that look for a server. Raises MalformedPacketError."""
    if query.kind is not MessageType.DISCOVER:
        said = "BOOTP" if query.kind is None else query.kind.name
        return Proposal(subnet, None, f"{said} is for the server that gives addresses")
    boot, reason = _boot(query, subnet, known=known, http_port=http_port)
    if boot is None:
        return Proposal(subnet, None, reason)
    message = _message(query, subnet, MessageType.OFFER, boot)
    payload = message.encode(query.limit)
    if query.relayed:
        return Proposal(subnet, Reply(payload, Way.RELAY, subnet.address, query.message.giaddr))
    return Proposal(subnet, Reply(payload, Way.FRAME, subnet.address, _EVERYONE))


def acknowledge(query: Query, source: IPv4Address, snapshot: RackSnapshot, *, http_port: int) -> Proposal | str:
    """What to answer on port 4011: boot clients that have an address in a proxied subnet; else why nothing.

    `source`: where it came from, and the answer goes to; nobody is answered elsewhere. Raises MalformedPacketError.
    """
    if query.kind not in (MessageType.REQUEST, MessageType.INFORM):
        return f"{query.kind.name if query.kind else 'BOOTP'} is not asked on this port"
    if query.message.ciaddr not in (ANY, source):
        return f"the client says that it is {query.message.ciaddr}"
    subnets = (one for one in snapshot.subnets if one.mode is SubnetMode.PROXY and source in one.network)
    subnet = next(subnets, None)
    if subnet is None:
        return f"{source} is in no subnet in proxy mode"
    boot, reason = _boot(query, subnet, known=query.mac in snapshot.boot, http_port=http_port)
    if boot is None:
        return Proposal(subnet, None, reason)
    message = _message(query, subnet, MessageType.ACK, boot)
    return Proposal(subnet, Reply(message.encode(query.limit), Way.ROUTED, subnet.address, source))


def _boot(query: Query, subnet: Subnet, *, known: bool, http_port: int) -> tuple[BootFile | None, str]:
    if query.boot is None:
        return None, "no network boot client: the other server's"
    boot = boot_file(query.boot, subnet, known=known, http_port=http_port)
    return (boot, "") if boot.name else (None, boot.reason)


def _message(query: Query, subnet: Subnet, kind: MessageType, boot: BootFile) -> Message:
    asked = query.message
    acknowledged = kind is MessageType.ACK
    name = boot.name.encode()
    return Message(
        op=Op.REPLY,
        xid=asked.xid,
        chaddr=asked.chaddr,
        flags=asked.flags if acknowledged else asked.flags | BROADCAST_FLAG,  # a relay must not send to no address
        ciaddr=asked.ciaddr if acknowledged else ANY,
        siaddr=boot.server,
        giaddr=asked.giaddr,
        sname=str(boot.server).encode(),
        file=name if len(name) <= _FILE_ROOM else b"",
        options=_options(query, subnet, kind, boot),
    )


def _options(query: Query, subnet: Subnet, kind: MessageType, boot: BootFile) -> dict[int, bytes]:
    server = query.stand_in or subnet.address
    options = {
        MESSAGE_TYPE.code: MESSAGE_TYPE.encode(kind),
        SERVER_IDENTIFIER.code: SERVER_IDENTIFIER.encode(server),
        VENDOR_CLASS.code: VENDOR_CLASS.encode(boot.vendor_class or PXE_CLIENT),
    }
    if boot.vendor_class != HTTP_CLIENT:
        options[VENDOR_SPECIFIC.code] = _item(query.message) + _TAKE_THE_FILE
        options[TFTP_SERVER_NAME.code] = TFTP_SERVER_NAME.encode(str(boot.server))
    options[BOOT_FILE_NAME.code] = BOOT_FILE_NAME.encode(boot.name)
    return options | {code: query.message.options[code] for code in _GIVEN_BACK if code in query.message.options}


def _item(message: Message) -> bytes:
    """The boot item that the client asks for, given back as it came: 4 octets of type and layer."""
    asked: dict[int, bytes] = {}
    collect(message.options.get(VENDOR_SPECIFIC.code, b""), asked, name=VENDOR_SPECIFIC.name)
    item = asked.get(_BOOT_ITEM, b"")
    return bytes((_BOOT_ITEM, len(item))) + item if len(item) == _ITEM_SIZE else b""
