"""What a relay's option 82 changes about an answer: what the client takes for its server."""

from ipaddress import IPv4Address
from typing import Final

from fibrix.wire.dhcp4.message import ANY, Message
from fibrix.wire.dhcp4.options import RELAY_AGENT_INFORMATION

_CODE: Final = RELAY_AGENT_INFORMATION.code


def stand_in(message: Message) -> IPv4Address | None:
    """The relay's address that the client is to take for its server's, where the relay asks for that (RFC 5107).

    Of a client that speaks for itself nothing counts. Raises MalformedPacketError.
    """
    if _CODE not in message.options or message.giaddr == ANY:
        return None
    said = message.get(RELAY_AGENT_INFORMATION)
    return None if said is None else said.server
