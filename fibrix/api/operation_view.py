"""Operations as the API shows them."""

from typing import Annotated

import msgspec

from fibrix.api.route import Reply
from fibrix.api.views import Time
from fibrix.domain.machine import Stage
from fibrix.domain.operation import Operation, OperationState
from fibrix.domain.ports.operations import Live, Operations, Progress
from fibrix.domain.state import State
from fibrix.types import MachineId, OperationId, TenantId, UserId

PATH = "/api/v1/operations"

Kind = Annotated[str, msgspec.Meta(examples=["commission", "test", "deploy", "release", "scan"])]


class OperationView(msgspec.Struct, frozen=True, kw_only=True):
    """Long work on one machine, or a scan. What the machine is doing is told while it runs; null afterwards."""

    id: OperationId
    kind: Kind
    machine: MachineId  # empty: a scan
    machine_name: str
    subnets: tuple[str, ...]  # of a scan
    tenant: TenantId  # whose machine it was; empty: the region's
    user: UserId  # who asked; empty: the region's people, where a tenant looks
    request: str  # id of the request that asked
    state: OperationState
    detail: str  # the last that is known of it, or why it ended
    created_at: Time
    ended_at: Time | None
    machine_state: State | None
    stage: Stage | None  # of the machine's boot
    deadline: Time | None  # when the machine's present state is given up
    progress: Progress | None  # of the machine scripts of the present state
    revision: int


def operation_view(live: Live) -> OperationView:
    """Show an operation."""
    operation = live.operation
    return OperationView(
        id=operation.id,
        kind=operation.kind,
        machine=operation.machine,
        machine_name=operation.machine_name,
        subnets=operation.scan.subnets if operation.scan is not None else (),
        tenant=operation.tenant,
        user=operation.user,
        request=operation.request,
        state=operation.state,
        detail=operation.detail,
        created_at=operation.created_at,
        ended_at=operation.ended_at,
        machine_state=live.machine_state,
        stage=live.stage,
        deadline=live.deadline,
        progress=live.progress,
        revision=operation.revision,
    )


async def accepted(operations: Operations, begun: Operation) -> Reply[OperationView]:
    """Answer a request that began long work: 202, and where to watch it (RFC 9110 §15.3.3)."""
    shown = operation_view((await operations.live([begun]))[0])
    return Reply(shown, headers={"Location": f"{PATH}/{begun.id}"})
