"""/api/v1/backup: everything that the controller knows, as one file."""

from datetime import datetime
from typing import Final

import msgspec

from fibrix.api.route import Call, Flow, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.ports.backups import Backups
from fibrix.errors import ConflictError
from fibrix.runtime.clock import utc_now

MEDIA: Final = "application/gzip"


class BackupQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes into it."""

    with_key: bool = False  # the controller's key too: the file then opens every stored secret


class BackupRoutes:
    """Backups."""

    def __init__(self, backups: Backups) -> None:
        self._backups = backups

    def routes(self) -> list[Route]:
        """The part of the route table."""
        summary = "Take a backup and give it: a tar in gzip, the databases as of now"
        return [
            Route("GET", "/api/v1/backup", self.backup, Permission.ADMINISTER, summary, (ConflictError,), media=MEDIA)
        ]

    async def backup(self, call: Call[Nothing, BackupQuery]) -> Reply[Flow[bytes]]:
        """All of it is copied before the first byte is sent: what fails then fails with words."""
        chunks = await self._backups.take(call.caller, with_key=call.query.with_key)
        headers = {"Content-Disposition": f'attachment; filename="{_name(utc_now())}"', "Cache-Control": "no-store"}
        return Reply(Flow(chunks), headers=headers)


def _name(at: datetime) -> str:
    return f"fibrix-{at:%Y%m%dT%H%M%SZ}.tar.gz"
