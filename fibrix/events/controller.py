"""What happened to the controller and the things that are not machines. All journaled."""

from typing import ClassVar

from fibrix.events.base import Event


class ControllerStarted(Event, frozen=True, kw_only=True):
    """The controller serves. By app; for the stream."""

    TYPE: ClassVar[str] = "controller.started"
    version: str


class BackupTaken(Event, frozen=True, kw_only=True):
    """Someone took a copy of everything. By controllers.backups; for the stream."""

    TYPE: ClassVar[str] = "backup.taken"
    user: str
    with_key: bool  # the controller's key went along
    total_bytes: int  # uncompressed


class SshKeyAdded(Event, frozen=True, kw_only=True):
    """An SSH key may be given to machines. By controllers.keys; for the stream."""

    TYPE: ClassVar[str] = "ssh_key.added"
    name: str
    fingerprint: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"ssh-keys/{self.name}"


class SshKeyDeleted(Event, frozen=True, kw_only=True):
    """An SSH key is no longer given to machines. By controllers.keys; for the stream."""

    TYPE: ClassVar[str] = "ssh_key.deleted"
    name: str

    @property
    def subject(self) -> str:
        """Its path in the API."""
        return f"ssh-keys/{self.name}"
