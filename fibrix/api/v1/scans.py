"""/api/v1/discoveries/scan: ask subnets who is there; what came of it is an operation's scan."""

import msgspec

from fibrix.api.operation_view import PATH, OperationView, accepted
from fibrix.api.route import Call, Nothing, Reply, Route
from fibrix.domain.access import Permission
from fibrix.domain.ports.operations import Operations
from fibrix.domain.ports.scan import Scans
from fibrix.domain.scan import ScanSpec
from fibrix.domain.scan_report import ScanEnd, ScanHost
from fibrix.errors import ConflictError, NotFoundError
from fibrix.types import OperationId

BASE = "/api/v1/discoveries/scan"
OF_OPERATION = PATH + "/{operation}/scan"


class ScanView(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan found, or has found so far."""

    operation: OperationId
    end: ScanEnd | None  # null: it goes on
    sent: dict[str, int]  # by kind: packets; of redfish connections
    answered: dict[str, int]  # by kind: hosts
    found: int  # hosts that answered anything
    hosts: tuple[ScanHost, ...]  # those; 4096 at most, and of the newest 20 scans only
    faults: tuple[str, ...]  # what could not be done, and why
    notes: tuple[str, ...]  # what was left out, and why


class ScanRoutes:
    """Active scans."""

    def __init__(self, scans: Scans, operations: Operations) -> None:
        self._scans = scans
        self._operations = operations

    def routes(self) -> list[Route]:
        """The part of the route table."""
        example = ScanSpec(targets=("racks", "10.2.0.0/28", "10.3.0.5-10.3.0.9"))
        ask, show = "Ask subnets, ranges or addresses who is there", "Show what a scan found so far"
        return [
            Route("POST", BASE, self.scan, Permission.OPERATE, ask, (ConflictError,), 202, example=example),
            Route("GET", OF_OPERATION, self.get, Permission.INSPECT, show, (NotFoundError,)),
        ]

    async def scan(self, call: Call[ScanSpec, Nothing]) -> Reply[OperationView]:
        """What is sent is within configured subnets, never on an interface with the role wan."""
        return await accepted(self._operations, await self._scans.begin(call.body))

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[ScanView]:
        """Who answered what, with MACs where they are known."""
        operation = self._operations.get(call.path["operation"], call.caller)
        report = self._scans.report(operation.id)
        return Reply(
            ScanView(
                operation=operation.id,
                end=report.end,
                sent=dict(report.sent()),
                answered=dict(report.answered()),
                found=report.found,
                hosts=report.hosts,
                faults=report.faults,
                notes=report.notes,
            )
        )
