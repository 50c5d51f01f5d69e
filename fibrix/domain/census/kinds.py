"""What a host is, by what it says of itself."""

from fibrix.domain.census.sighting import DhcpClient
from fibrix.domain.census.track import Track


def client_kind(client: DhcpClient) -> str:
    """What speaks as DHCP client; empty: it could be many things."""
    firmware = client.vendor_class.partition(":")[0]
    if client.user_class == "iPXE":
        return "iPXE"
    return {"PXEClient": "PXE ROM", "HTTPClient": "UEFI HTTP boot"}.get(firmware, "")


def kind_of(track: Track) -> str:
    """What a host is, of all that is known of it."""
    return track.client_kind
