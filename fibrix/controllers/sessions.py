"""Who is this agent? Boot tokens are traded for session secrets here, and secrets recognised."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from fibrix.controllers.lifecycle import Lifecycle
from fibrix.controllers.ports import Keys, Store
from fibrix.domain.boot_choice import expects_ephemeral
from fibrix.domain.machine import Machine, Stage
from fibrix.domain.ports.agents import Hello
from fibrix.domain.progress import reach
from fibrix.errors import UnauthorizedError
from fibrix.events.machine import BootProgressed, BootRefused, MachineEvent
from fibrix.types import parse_mac


def fingerprint(secret: str) -> str:
    """Hash a session secret as it is stored: SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Sessions:
    """The trust between the controller and its agents (docs/agent-protocol.md)."""

    def __init__(self, store: Store, lifecycle: Lifecycle, keys: Keys, now: Callable[[], datetime]) -> None:
        self._store = store
        self._lifecycle = lifecycle
        self._keys = keys
        self._now = now

    async def open(self, token: str, hello: Hello, address: str) -> Machine:
        """Trade a boot token for a session. Raises UnauthorizedError; a refusal of a known machine is an event."""
        machine = self._store.by_mac(parse_mac(hello.mac))
        if machine is None:
            raise UnauthorizedError(f"no machine has the MAC {hello.mac}")
        try:
            return await self._lifecycle.change(machine.id, lambda m: self._admit(m, token, hello, address))
        except UnauthorizedError as exc:
            reason = str(exc)
            await self._lifecycle.change(machine.id, lambda m: (replace(m), [self._refused(m, address, reason)]))
            raise

    def machine(self, secret: str) -> Machine:
        """Find the machine that a session belongs to. Raises UnauthorizedError."""
        mark = fingerprint(secret)
        for machine in self._store.machines():
            if machine.boot and hmac.compare_digest(machine.boot.session_hash, mark):
                return machine
        raise UnauthorizedError("this session is over: the machine has been booted again, or forgotten")

    def _admit(self, machine: Machine, token: str, hello: Hello, address: str) -> tuple[Machine, list[MachineEvent]]:
        boot, mark = machine.boot, fingerprint(hello.secret)
        if boot is None or not hmac.compare_digest(self._keys.derive(f"boot/{boot.id}"), token):
            raise UnauthorizedError("the boot token is not of this machine's present boot")
        if boot.session_hash and hmac.compare_digest(boot.session_hash, mark):
            return machine, []  # the first answer was lost on its way
        if boot.session_hash:
            raise UnauthorizedError("the boot token is spent")
        if not expects_ephemeral(machine):
            raise UnauthorizedError(f"no boot is expected of a machine that is {machine.state.value}")
        now = self._now()
        detail = f"agent {hello.version} at {address}, up for {hello.uptime_s:.0f} s"
        boot = replace(reach(boot, Stage.AGENT, now, detail), session_hash=mark, agent=hello.version, heard_at=now)
        event = BootProgressed(
            at=now, machine=machine.id, name=machine.name, boot=boot.id, stage=Stage.AGENT.value, detail=detail
        )
        return replace(machine, boot=boot, address=address or machine.address), [event]

    def _refused(self, machine: Machine, address: str, reason: str) -> BootRefused:
        return BootRefused(at=self._now(), machine=machine.id, name=machine.name, address=address, reason=reason)
