"""The link to one BMC: its session, kept warm and made anew when it is lost, and its pace."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from fibrix.domain.power import Bmc
from fibrix.drivers.power.ipmi.datagrams import Datagrams, NoAnswerError, Peer
from fibrix.drivers.power.ipmi.login import LoginPlan
from fibrix.errors import PowerError
from fibrix.wire.ipmi import completion
from fibrix.wire.ipmi.app import close_session, set_privilege
from fibrix.wire.ipmi.faults import RefusedError, SessionLostError
from fibrix.wire.ipmi.message import Request, answer
from fibrix.wire.ipmi.session import Login, Session
from fibrix.wire.ipmi.session15 import Packet15, unwrap_outside

T = TypeVar("T")
_IDLE_S: Final = 50.0  # BMCs end a session that is idle for 60 s, give or take 3 (§6.12.15)


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient to be, in seconds."""

    timeout_s: float  # for the first try of a question
    retries: int  # each waits twice as long as the one before
    pace_s: float  # least time between two questions to one BMC

    @property
    def patient(self) -> tuple[float, ...]:
        """Waits of a question to a BMC from which nothing was heard yet."""
        return tuple(self.timeout_s * 2**n for n in range(self.retries + 1))

    @property
    def brief(self) -> tuple[float, ...]:
        """Waits of a question where there is something else to try after it."""
        return self.patient[:2]


class Link:
    """One BMC. Its caller holds `lock`: a BMC is asked one thing at a time."""

    def __init__(self, datagrams: Datagrams, peer: Peer, bmc: Bmc, timing: Timing, now: Callable[[], float]) -> None:
        self.lock = asyncio.Lock()
        self.used_at = now()
        self._datagrams = datagrams
        self._peer = peer
        self._timing = timing
        self._now = now
        self._sequence = 0
        self._session: Session | None = None
        self._bmc = bmc
        self._plan = LoginPlan(bmc, timing.brief, timing.patient)

    @property
    def how(self) -> str:
        """Say by which protocol the BMC was asked, and why not by a better one."""
        return f"{self._session.how}{self._plan.drawback}" if self._session else "no session"

    def adopt(self, bmc: Bmc) -> None:
        """Speak for these settings from now on; a session of other ones is ended."""
        if (bmc.settings, bmc.password) != (self._bmc.settings, self._bmc.password):
            self.close()
            self._plan = LoginPlan(bmc, self._timing.brief, self._timing.patient)
        self._bmc = bmc

    def close(self) -> None:
        """End the session without waiting for the answer: a BMC has few of them."""
        session, self._session = self._session, None
        if session is not None:
            self._datagrams.send(session.wrap(close_session(session.identity).encode(self._next())), self._peer)

    async def ask(self, request: Request, decode: Callable[[bytes], T]) -> T:
        """Ask in the warm session; when that is lost, once more in a new one. Raises PowerError.

        The request may reach the BMC more than once: only for what does no harm when done twice.
        """
        _session, data = await self._asked(request, decode)
        return data

    async def order(self, request: Request, prove: Request) -> None:
        """Send a request that must not be done twice: one datagram, in a session just proven alive by `prove`."""
        session, _data = await self._asked(prove, bytes)
        try:
            await self._in_session(session, request, bytes, (sum(self._timing.patient),))
        except NoAnswerError as exc:
            self._session = None
            raise PowerError(f"{request.command.name}: {exc}: maybe it was done, so it is not sent again") from exc

    async def outside(self, request: Request, decode: Callable[[bytes], T]) -> T:
        """Ask outside of any session. Raises PowerError."""
        sequence = self._next()
        question = Packet15(request.encode(sequence)).encode()
        return await self._exchange(
            lambda: question, lambda got: decode(answer(request, sequence, unwrap_outside(got))), self._timing.patient
        )

    async def run(self, login: Login, waits_s: tuple[float, ...]) -> Session:
        """Take a login to its end. Raises NoAnswerError, SuiteRefusedError, SessionLostError, PowerError."""
        while True:
            try:
                session = await self._exchange(login.datagram, login.receive, waits_s)
            except NoAnswerError as exc:
                if not login.repeatable:
                    raise SessionLostError(f"{login.step}: {exc}") from exc
                if login.silence:
                    raise PowerError(f"{login.step}: {exc}: {login.silence}") from exc
                raise NoAnswerError(f"{login.step}: {exc}") from exc
            if session is not None:
                return session

    async def _asked(self, request: Request, decode: Callable[[bytes], T]) -> tuple[Session, T]:
        session = self._warm()
        if session is not None:
            try:
                return session, await self._in_session(session, request, decode, self._timing.brief)
            except (NoAnswerError, SessionLostError):
                self._session = None  # it was restarted, or has given our place to another
        session = await self._log_in()
        return session, await self._in_session(session, request, decode, self._timing.patient)

    def _warm(self) -> Session | None:
        if self._session is not None and self._now() - self.used_at > _IDLE_S:
            self.close()
        return self._session

    async def _log_in(self) -> Session:
        try:
            session = await self._plan.log_in(self)
        except SessionLostError:  # the answer to a step was lost, and asking again confused the BMC
            session = await self._plan.log_in(self)
        self._session = session
        return session

    async def _in_session(
        self, session: Session, request: Request, decode: Callable[[bytes], T], waits_s: tuple[float, ...]
    ) -> T:
        if session.privilege < request.privilege:
            await self._patiently(session, set_privilege(request.privilege), bytes, self._timing.brief)
            session.privilege = request.privilege
        return await self._patiently(session, request, decode, waits_s)

    async def _patiently(
        self, session: Session, request: Request, decode: Callable[[bytes], T], waits_s: tuple[float, ...]
    ) -> T:
        """Ask again while the BMC says that it is busy, as long as a lost answer would have taken."""
        for wait_s in self._timing.patient:
            try:
                return await self._once(session, request, decode, waits_s)
            except RefusedError as refusal:
                if refusal.completion != completion.BUSY:
                    raise
                await asyncio.sleep(wait_s)
        return await self._once(session, request, decode, waits_s)

    async def _once(
        self, session: Session, request: Request, decode: Callable[[bytes], T], waits_s: tuple[float, ...]
    ) -> T:
        sequence = self._next()
        message = request.encode(sequence)  # the same in each try, so that a BMC may know them for one
        return await self._exchange(
            lambda: session.wrap(message), lambda got: decode(answer(request, sequence, session.unwrap(got))), waits_s
        )

    async def _exchange(
        self, question: Callable[[], bytes], take: Callable[[bytes], T], waits_s: tuple[float, ...]
    ) -> T:
        early_s = self.used_at + self._timing.pace_s - self._now()
        if early_s > 0:
            await asyncio.sleep(early_s)
        try:
            return await self._datagrams.exchange(self._peer, question, take, waits_s)
        finally:
            self.used_at = self._now()

    def _next(self) -> int:
        self._sequence = (self._sequence + 1) % 64
        return self._sequence
