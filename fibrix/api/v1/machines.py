"""/api/v1/machines: what there is, what may be done with it."""

import msgspec

from fibrix.api.listing import ListQuery, Page
from fibrix.api.machine_cache import Choose, MachineCache
from fibrix.api.operation_view import OperationView, accepted
from fibrix.api.route import Call, Encoded, Nothing, Reply, Route
from fibrix.api.views import MachineView, machine_view
from fibrix.domain.access import Permission
from fibrix.domain.machine import Machine
from fibrix.domain.ports.machines import (
    AcceptSpec,
    AllocateSpec,
    DeploySpec,
    MachineChanges,
    Machines,
    MachineSpec,
    TestSpec,
    Why,
)
from fibrix.domain.ports.operations import Operations
from fibrix.domain.state import State
from fibrix.domain.trigger import Trigger
from fibrix.errors import ConflictError, InvalidError, NotFoundError, QuotaError
from fibrix.types import parse_mac

BASE = "/api/v1/machines"
ONE = BASE + "/{machine}"


class MachineQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Which machines, with short cuts for what is asked most. What is given must all fit."""

    state: str = ""  # names of states, with commas between them
    name: str = ""
    mac: str = ""

    def choice(self) -> Choose | None:
        """Make the test of the short cuts; None: there are none. Raises InvalidError for what is no state or MAC."""
        if not (self.state or self.name or self.mac):
            return None
        states = {_state(word) for word in self.state.split(",") if word.strip()}
        mac = parse_mac(self.mac) if self.mac else None
        return lambda machine: (
            (not states or machine.state in states)
            and (not self.name or machine.name == self.name)
            and (mac is None or mac in machine.macs)
        )


class ReasonSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why someone asks for it; it is shown as the machine's reason."""

    reason: str = ""


class MachineRoutes:
    """Machines and their lifecycle."""

    def __init__(self, machines: Machines, operations: Operations) -> None:
        self._machines = machines
        self._operations = operations
        self._cache = MachineCache()

    def routes(self) -> list[Route]:
        """The part of the route table."""
        here, clash = (NotFoundError,), (NotFoundError, ConflictError)
        quota = (*clash, QuotaError)
        return [
            Route("GET", BASE, self.listing, Permission.READ, "List machines, oldest first"),
            Route(
                "POST",
                BASE,
                self.add,
                Permission.OPERATE,
                "Add a machine by hand; it is accepted",
                (ConflictError,),
                201,
            ),
            Route("GET", ONE, self.get, Permission.READ, "Show a machine", here),
            Route("PATCH", ONE, self.edit, Permission.OPERATE, "Edit a machine", clash),
            Route("DELETE", ONE, self.delete, Permission.OPERATE, "Forget a machine and its script runs", clash, 204),
            Route(
                "GET", ONE + "/why", self.why, Permission.READ, "Say why it is where it is, and what comes next", here
            ),
            Route("POST", ONE + "/accept", self.accept, Permission.OPERATE, "Accept a discovered machine", clash),
            Route(
                "POST",
                ONE + "/commission",
                self.commission,
                Permission.OPERATE,
                "Take its inventory, then test it",
                clash,
                202,
            ),
            Route("POST", ONE + "/test", self.test, Permission.OPERATE, "Test its memory and disks", clash, 202),
            Route("POST", ONE + "/allocate", self.allocate, Permission.USE, "Keep it for someone", quota),
            Route("POST", ONE + "/deploy", self.deploy, Permission.USE, "Install an image", clash, 202),
            Route(
                "POST", ONE + "/release", self.release, Permission.USE, "Wipe it and make it ready again", clash, 202
            ),
            Route("POST", ONE + "/abort", self.abort, Permission.USE, "Give up what is under way", clash),
            Route("POST", ONE + "/mark-broken", self.mark_broken, Permission.OPERATE, "Take it out of use", clash),
            Route("POST", ONE + "/mark-fixed", self.mark_fixed, Permission.OPERATE, "Take it back into use", clash),
            Route("POST", ONE + "/retire", self.retire, Permission.OPERATE, "Take it out of use for good", clash),
            Route(
                "POST", ONE + "/override", self.override, Permission.OPERATE, "Accept failed tests as they are", clash
            ),
        ]

    async def listing(self, call: Call[Nothing, MachineQuery]) -> Reply[Encoded[Page[MachineView]]]:
        """Those that the caller sees."""
        machines = self._machines.all(call.caller)
        return await self._cache.page(machines, call.caller, call.query, call.query.choice())

    async def add(self, call: Call[MachineSpec, Nothing]) -> Reply[MachineView]:
        """Name the new machine's path in Location (RFC 9110 §10.2.2)."""
        machine = await self._machines.add(call.body)
        return Reply(machine_view(machine, call.caller), headers={"Location": f"{BASE}/{machine.id}"})

    async def get(self, call: Call[Nothing, Nothing]) -> Reply[Encoded[MachineView]]:
        """By id, name or MAC."""
        return Reply(self._cache.one(self._find(call), call.caller))

    async def edit(self, call: Call[MachineChanges, Nothing]) -> Reply[MachineView]:
        """Change what is given."""
        return Reply(machine_view(await self._machines.update(self._find(call).id, call.body), call.caller))

    async def delete(self, call: Call[Nothing, Nothing]) -> Reply[None]:
        """Forget it."""
        await self._machines.delete(self._find(call).id)
        return Reply(None)

    async def why(self, call: Call[Nothing, Nothing]) -> Reply[Why]:
        """What was last seen, what is awaited and until when."""
        return Reply(self._machines.why(self._find(call).id, call.caller))

    async def accept(self, call: Call[AcceptSpec, Nothing]) -> Reply[MachineView]:
        """From here on it may be powered and written to."""
        return Reply(machine_view(await self._machines.accept(self._find(call).id, call.body), call.caller))

    async def test(self, call: Call[TestSpec, Nothing]) -> Reply[OperationView]:
        """The default tests, or those named."""
        return await accepted(self._operations, await self._machines.test(self._find(call).id, call.body))

    async def deploy(self, call: Call[DeploySpec, Nothing]) -> Reply[OperationView]:
        """Write an image and boot it."""
        return await accepted(self._operations, await self._machines.deploy(self._find(call).id, call.body))

    async def commission(self, call: Call[ReasonSpec, Nothing]) -> Reply[OperationView]:
        """Boot the ephemeral OS and look at the hardware."""
        return await self._begin(call, Trigger.COMMISSION)

    async def allocate(self, call: Call[AllocateSpec, Nothing]) -> Reply[MachineView]:
        """For a tenant or for the region itself. A tenant's users ask for one by what it must have."""
        machine = await self._machines.allocate(self._find(call).id, call.body, call.caller)
        return Reply(machine_view(machine, call.caller))

    async def release(self, call: Call[ReasonSpec, Nothing]) -> Reply[OperationView]:
        """The customer is gone."""
        return await self._begin(call, Trigger.RELEASE)

    async def abort(self, call: Call[ReasonSpec, Nothing]) -> Reply[MachineView]:
        """Back to where it came from."""
        return await self._request(call, Trigger.ABORT)

    async def mark_broken(self, call: Call[ReasonSpec, Nothing]) -> Reply[MachineView]:
        """Nothing is done with it until it is marked fixed."""
        return await self._request(call, Trigger.MARK_BROKEN)

    async def mark_fixed(self, call: Call[ReasonSpec, Nothing]) -> Reply[MachineView]:
        """Someone repaired it."""
        return await self._request(call, Trigger.MARK_FIXED)

    async def override(self, call: Call[ReasonSpec, Nothing]) -> Reply[MachineView]:
        """Someone knows better than the tests."""
        return await self._request(call, Trigger.OVERRIDE)

    async def retire(self, call: Call[ReasonSpec, Nothing]) -> Reply[MachineView]:
        """It stays known, so that it is not discovered anew."""
        return await self._request(call, Trigger.RETIRE)

    async def _begin(self, call: Call[ReasonSpec, Nothing], trigger: Trigger) -> Reply[OperationView]:
        """Ask for long work."""
        begun = await self._machines.begin(self._find(call).id, trigger, reason=call.body.reason)
        return await accepted(self._operations, begun)

    async def _request(self, call: Call[ReasonSpec, Nothing], trigger: Trigger) -> Reply[MachineView]:
        """Ask for a transition."""
        machine = await self._machines.request(self._find(call).id, trigger, reason=call.body.reason)
        return Reply(machine_view(machine, call.caller))

    def _find(self, call: Call[msgspec.Struct, Nothing]) -> Machine:
        return self._machines.get(call.path["machine"], call.caller)


def _state(word: str) -> State:
    """Read a state's name, in any case, with spaces, dashes or underscores. Raises InvalidError."""
    plain = word.strip().lower().replace("-", " ").replace("_", " ")
    for state in State:
        if state.value.lower() == plain:
            return state
    names = ", ".join(state.value for state in State)
    raise InvalidError(f"query parameter state: {word.strip()!r} is none of {names}", pointer="/state")
