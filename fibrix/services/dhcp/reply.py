"""What the server answers: the fields and options of a reply, and the way it has to take."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from typing import Final

from fibrix.domain.boot_file import BootFile
from fibrix.domain.network import Subnet
from fibrix.services.dhcp.query import Query
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.message import ANY, BROADCAST_FLAG, Message, Op
from fibrix.wire.dhcp4.options import (
    BOOT_FILE_NAME,
    BROADCAST_ADDRESS,
    CLIENT_IDENTIFIER,
    DNS_SERVERS,
    DOMAIN_NAME,
    HOST_NAME,
    INTERFACE_MTU,
    IPXE,
    LEASE_TIME,
    MESSAGE,
    MESSAGE_TYPE,
    REBINDING_TIME,
    RELAY_AGENT_INFORMATION,
    RENEWAL_TIME,
    ROUTERS,
    SERVER_IDENTIFIER,
    SUBNET_MASK,
    TFTP_SERVER_NAME,
    VENDOR_CLASS,
    MessageType,
)
from fibrix.wire.ethernet import BROADCAST

_EVERYONE: Final = IPv4Address("255.255.255.255")
_FILE_ROOM: Final = 127  # octets of the `file` field but its NUL
_NO_PROXY_DHCP: Final = bytes((176, 1, 1))  # within option 175: iPXE need not wait seconds for a proxyDHCP server
_UNASKED: Final = (ROUTERS.code, DNS_SERVERS.code, HOST_NAME.code, DOMAIN_NAME.code, BROADCAST_ADDRESS.code)


class Way(Enum):
    """How a reply travels (RFC 2131 §4.1)."""

    RELAY = "relay"  # to the relay's server port
    ROUTED = "routed"  # to an address that the client already answers on
    FRAME = "frame"  # to a hardware address: the client has no address yet, so it cannot answer ARP


@dataclass(frozen=True, slots=True)
class Reply:
    """A message to send from the subnet's own address."""

    payload: bytes
    way: Way
    source: IPv4Address
    destination: IPv4Address
    hardware: MacAddress = BROADCAST  # for frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a client is told about its lease and itself."""

    address: IPv4Address = ANY
    lease_s: int = 0  # 0: no lease, as in the answer to DHCPINFORM
    hostname: str = ""
    boot: BootFile | None = None


def answer(query: Query, subnet: Subnet, kind: MessageType, terms: Terms) -> Reply:
    """A DHCPOFFER or DHCPACK (RFC 2131 §4.3.1, table 3)."""
    options = _head(subnet, kind)
    if terms.lease_s:
        options[LEASE_TIME.code] = LEASE_TIME.encode(terms.lease_s)
        options[RENEWAL_TIME.code] = RENEWAL_TIME.encode(terms.lease_s // 2)
        options[REBINDING_TIME.code] = REBINDING_TIME.encode(terms.lease_s * 7 // 8)
    options[SUBNET_MASK.code] = SUBNET_MASK.encode(subnet.network.netmask)  # before routers: RFC 2132 §3.3
    boot = terms.boot if terms.boot is not None and terms.boot.name else None
    if boot is not None:
        options |= _boot_options(query, boot)
    options |= _parameters(query, subnet, terms.hostname)
    name = boot.name.encode() if boot is not None else b""
    message = Message(
        op=Op.REPLY,
        xid=query.message.xid,
        chaddr=query.message.chaddr,
        flags=query.message.flags,
        ciaddr=query.message.ciaddr if kind is MessageType.ACK else ANY,
        yiaddr=terms.address,
        siaddr=boot.server if boot is not None else ANY,
        giaddr=query.message.giaddr,
        sname=str(boot.server).encode() if boot is not None else b"",
        file=name if len(name) <= _FILE_ROOM else b"",
        options=options | _tail(query),
    )
    return _to_client(query, subnet, message, terms.address)


def refuse(query: Query, subnet: Subnet, reason: str) -> Reply:
    """A DHCPNAK (RFC 2131 §4.3.2): by broadcast, since the client's address may not be its own."""
    options = _head(subnet, MessageType.NAK) | {MESSAGE.code: MESSAGE.encode(reason)[:255]} | _tail(query)
    flags = query.message.flags | (BROADCAST_FLAG if query.relayed else 0)
    message = Message(
        op=Op.REPLY,
        xid=query.message.xid,
        chaddr=query.message.chaddr,
        flags=flags,
        giaddr=query.message.giaddr,
        options=options,
    )
    payload = message.encode(query.limit)
    if query.relayed:
        return Reply(payload, Way.RELAY, subnet.address, query.message.giaddr)
    return Reply(payload, Way.FRAME, subnet.address, _EVERYONE)


def _to_client(query: Query, subnet: Subnet, message: Message, address: IPv4Address) -> Reply:
    """Choose the way of an offer or acknowledgement: RFC 2131 §4.1, fourth paragraph, case by case."""
    payload = message.encode(query.limit)
    if query.relayed:
        return Reply(payload, Way.RELAY, subnet.address, query.message.giaddr)
    if query.message.ciaddr != ANY:
        return Reply(payload, Way.ROUTED, subnet.address, query.message.ciaddr)
    if query.message.broadcast:
        return Reply(payload, Way.FRAME, subnet.address, _EVERYONE)
    return Reply(payload, Way.FRAME, subnet.address, address, query.mac)


def _head(subnet: Subnet, kind: MessageType) -> dict[int, bytes]:
    return {
        MESSAGE_TYPE.code: MESSAGE_TYPE.encode(kind),
        SERVER_IDENTIFIER.code: SERVER_IDENTIFIER.encode(subnet.address),
    }


def _tail(query: Query) -> dict[int, bytes]:
    """What is given back as it came: the client identifier (RFC 6842 §3) and, last, the relay's (RFC 3046 §2.2)."""
    back = (CLIENT_IDENTIFIER.code, RELAY_AGENT_INFORMATION.code)
    return {code: query.message.options[code] for code in back if code in query.message.options}


def _boot_options(query: Query, boot: BootFile) -> dict[int, bytes]:
    """The boot file once more as options: some firmware reads only these, some only the header fields."""
    options = {
        TFTP_SERVER_NAME.code: TFTP_SERVER_NAME.encode(str(boot.server)),
        BOOT_FILE_NAME.code: BOOT_FILE_NAME.encode(boot.name),
    }
    if boot.vendor_class:
        options[VENDOR_CLASS.code] = VENDOR_CLASS.encode(boot.vendor_class)
    if query.boot is not None and query.boot.ipxe:
        options[IPXE.code] = _NO_PROXY_DHCP
    return options


def _parameters(query: Query, subnet: Subnet, hostname: str) -> dict[int, bytes]:
    """What the client asked for, in its order, as far as the subnet has it."""
    values: dict[int, Callable[[], bytes]] = {BROADCAST_ADDRESS.code: lambda: subnet.network.broadcast_address.packed}
    if subnet.routers:
        values[ROUTERS.code] = lambda: ROUTERS.encode(subnet.routers)
    if subnet.dns_servers:
        values[DNS_SERVERS.code] = lambda: DNS_SERVERS.encode(subnet.dns_servers)
    if hostname:
        values[HOST_NAME.code] = lambda: HOST_NAME.encode(hostname)
    if subnet.domain_name:
        values[DOMAIN_NAME.code] = lambda: DOMAIN_NAME.encode(subnet.domain_name)
    if subnet.mtu:
        values[INTERFACE_MTU.code] = lambda: INTERFACE_MTU.encode(subnet.mtu)
    wanted = _UNASKED if query.wants is None else query.wants
    return {code: values[code]() for code in wanted if code in values}
