"""What a relay's option 82 changes about an answer: what the client takes for its server."""

from ipaddress import IPv4Address

from fibrix.wire.dhcp4.message import ANY, Message
from fibrix.wire.dhcp4.options import RELAY_AGENT_INFORMATION
from fibrix.wire.dhcp4.relay import RelayInformation

_NOTHING = RelayInformation()


def said(message: Message) -> RelayInformation:
    """What the relay says. Of a client that speaks for itself nothing counts. Raises MalformedPacketError."""
    if message.giaddr == ANY:
        return _NOTHING
    return message.get(RELAY_AGENT_INFORMATION) or _NOTHING


def server_identifier(message: Message, own: IPv4Address) -> IPv4Address:
    """What the client is to take for its server: the relay, where that asks for it (RFC 5107), else `own`.

    Raises MalformedPacketError.
    """
    return said(message).server or own
