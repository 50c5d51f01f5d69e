"""What machines are answered: the agents' protocol (docs/agent-protocol.md) and the metadata (docs/metadata.md)."""

from fibrix.api.machine_facing.service import MachineFacingService

__all__ = ["MachineFacingService"]
