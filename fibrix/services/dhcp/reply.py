"""What the server answers: the fields and options of a reply, and the way it has to take."""

from collections.abc import Sequence
from enum import Enum
from ipaddress import IPv4Address
from typing import Final

import msgspec

from fibrix.domain.boot_file import BootFile
from fibrix.domain.network import DhcpOption
from fibrix.services.dhcp.query import Query
from fibrix.services.dhcp.served import Served
from fibrix.types import MacAddress
from fibrix.wire.dhcp4.area import fragments
from fibrix.wire.dhcp4.message import ANY, BROADCAST_FLAG, OPTIONS_AT, Message, Op, reply_header, seal
from fibrix.wire.dhcp4.options import (
    BOOT_FILE_NAME,
    CLIENT_IDENTIFIER,
    HOST_NAME,
    IPXE,
    LEASE_TIME,
    MESSAGE,
    MESSAGE_TYPE,
    RELAY_AGENT_INFORMATION,
    SERVER_IDENTIFIER,
    SUBNET_SELECTION,
    TFTP_SERVER_NAME,
    VENDOR_CLASS,
    MessageType,
)
from fibrix.wire.ethernet import BROADCAST

_EVERYONE: Final = IPv4Address("255.255.255.255")
_FILE_ROOM: Final = 127  # octets of the `file` field but its NUL
_NO_PROXY_DHCP: Final = bytes((176, 1, 1))  # within option 175: iPXE need not wait seconds for a proxyDHCP server
_BACK: Final = (CLIENT_IDENTIFIER.code, SUBNET_SELECTION.code, RELAY_AGENT_INFORMATION.code)  # the relay's last
_ONLY_DHCP: Final = (MESSAGE_TYPE.code, SERVER_IDENTIFIER.code, LEASE_TIME.code, 58, 59)


class Way(Enum):
    """How a reply travels (RFC 2131 §4.1)."""

    FRAME = "frame"  # on the link, to a client that has no address yet
    ROUTED = "routed"  # to the client's port at an address that the client uses
    RELAY = "relay"  # to the server port of a relay


class Reply(msgspec.Struct, frozen=True):
    """A message to send from the subnet's own address."""

    payload: bytes
    way: Way
    source: IPv4Address
    destination: IPv4Address
    hardware: MacAddress = BROADCAST  # for frames


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is told about its lease and itself."""

    number: int = 0  # the address
    lease: bool = False  # not in the answer to DHCPINFORM
    hostname: str = ""
    boot: BootFile | None = None
    options: Sequence[DhcpOption] = ()  # of its reservation


class Answer(msgspec.Struct, frozen=True):
    """A DHCPOFFER or DHCPACK (RFC 2131 §4.3.1, table 3), still to be written: that is done for many in a row."""

    query: Query
    served: Served
    kind: MessageType
    terms: Terms

    def written(self) -> Reply:
        """Write it."""
        query, served, terms = self.query, self.served, self.terms
        boot = terms.boot if terms.boot is not None and terms.boot.name else None
        usual = boot is None and not terms.options and query.stand_in is None
        if usual and query.kind is not None:
            area = served.area(self.kind, query.wants, lease=terms.lease)
            for code, data in _back(query, terms.hostname):
                area += fragments(code, data)
            if len(area) + OPTIONS_AT < query.limit:
                ciaddr = query.message.ciaddr if self.kind is MessageType.ACK else ANY
                header = reply_header(query.message, terms.number, ciaddr=ciaddr)
                return _to_client(query, served, seal(header, area), terms)
        message = _message(query, served, self.kind, terms, boot)
        return _to_client(query, served, message.encode(query.limit), terms)


def refuse(query: Query, served: Served, reason: str) -> Reply:
    """A DHCPNAK (RFC 2131 §4.3.2): by broadcast, since the client's address may not be its own."""
    options = {
        MESSAGE_TYPE.code: MESSAGE_TYPE.encode(MessageType.NAK),
        SERVER_IDENTIFIER.code: served.address.to_bytes(4),
        MESSAGE.code: MESSAGE.encode(reason)[:255],
    } | _identifier(query)
    message = Message(
        op=Op.REPLY,
        xid=query.message.xid,
        chaddr=query.message.chaddr,
        flags=query.message.flags | (BROADCAST_FLAG if query.relayed else 0),
        giaddr=query.message.giaddr,
        options=options | dict(_back(query, "")),
    )
    payload = message.encode(query.limit)
    if query.relayed:
        return Reply(payload, Way.RELAY, served.subnet.address, query.message.giaddr)
    return Reply(payload, Way.FRAME, served.subnet.address, _EVERYONE)


def _message(query: Query, served: Served, kind: MessageType, terms: Terms, boot: BootFile | None) -> Message:
    """An answer with something special in it, or too much."""
    options = served.head(kind, lease=terms.lease) | _identifier(query)
    if boot is not None:
        options |= _boot_options(query, boot)
    options |= served.parameters(query.wants, terms.options)
    if query.kind is None:
        for code in _ONLY_DHCP:
            options.pop(code, None)
    name = boot.name.encode() if boot is not None else b""
    return Message(
        op=Op.REPLY,
        xid=query.message.xid,
        chaddr=query.message.chaddr,
        flags=query.message.flags,
        ciaddr=query.message.ciaddr if kind is MessageType.ACK else ANY,
        yiaddr=IPv4Address(terms.number),
        siaddr=boot.server if boot is not None else ANY,
        giaddr=query.message.giaddr,
        sname=str(boot.server).encode() if boot is not None else b"",
        file=name if len(name) <= _FILE_ROOM else b"",
        options=options | dict(_back(query, terms.hostname)),
    )


def _to_client(query: Query, served: Served, payload: bytes, terms: Terms) -> Reply:
    """Choose the way of an offer or acknowledgement: RFC 2131 §4.1, fourth paragraph, case by case."""
    source = served.subnet.address
    if query.relayed:
        return Reply(payload, Way.RELAY, source, query.message.giaddr)
    if query.message.ciaddr is not ANY:
        return Reply(payload, Way.ROUTED, source, query.message.ciaddr)
    if query.message.broadcast:
        return Reply(payload, Way.FRAME, source, _EVERYONE)
    return Reply(payload, Way.FRAME, source, IPv4Address(terms.number), query.mac)


def _back(query: Query, hostname: str) -> list[tuple[int, bytes]]:
    """The client's name, and what is given back as it came.

    The client identifier (RFC 6842 §3), the subnet selection (RFC 3011), and, last, the relay's (RFC 3046 §2.2).
    """
    asked = query.message.options
    back = [(code, asked[code]) for code in _BACK if code in asked]
    if hostname and (query.wants is None or HOST_NAME.code in query.wants):
        back.insert(0, (HOST_NAME.code, HOST_NAME.encode(hostname)))
    return back


def _identifier(query: Query) -> dict[int, bytes]:
    """The relay as server identifier, where it asks for that (RFC 5107)."""
    return {} if query.stand_in is None else {SERVER_IDENTIFIER.code: query.stand_in.packed}


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
