"""Which login to try on a BMC, in which order, and what to remember of it."""

import os
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from fibrix.domain.power import Bmc, IpmiProtocol
from fibrix.drivers.power.ipmi.datagrams import NoAnswerError
from fibrix.errors import PowerError
from fibrix.wire.ipmi import login15, suites
from fibrix.wire.ipmi.app import AuthCapabilities
from fibrix.wire.ipmi.faults import RefusedError, SuiteRefusedError
from fibrix.wire.ipmi.login15 import Login15
from fibrix.wire.ipmi.login20 import Login20
from fibrix.wire.ipmi.message import Request
from fibrix.wire.ipmi.session import Login, Session
from fibrix.wire.ipmi.suites import Suite

T = TypeVar("T")
_ONLY_15: Final = "the BMC speaks 1.5 only"


class Asker(Protocol):
    """What a plan needs of a link."""

    async def outside(self, request: Request, decode: Callable[[bytes], T]) -> T:
        """Ask outside of any session."""
        ...

    async def run(self, login: Login, waits_s: tuple[float, ...]) -> Session:
        """Take a login to its end."""
        ...


class LoginPlan:
    """Logs in to one BMC: by IPMI 2.0 where it can be, by 1.5 where it cannot, as the settings allow."""

    def __init__(self, bmc: Bmc, brief: tuple[float, ...], patient: tuple[float, ...]) -> None:
        self._settings = bmc.settings
        self._password = bmc.password
        self._brief = brief
        self._patient = patient
        self._suites: Sequence[Suite] = suites.STRONGEST_FIRST
        self._refusal = ""  # why the last login did not use 2.0, though it might have

    @property
    def drawback(self) -> str:
        """Why it was not IPMI 2.0, in brackets; empty where it was, or was not to be."""
        return f" (no IPMI 2.0: {self._refusal})" if self._refusal else ""

    async def log_in(self, link: Asker) -> Session:
        """Make a session. Raises PowerError in words: credentials, privilege, protocol, no answer."""
        offered = await self._offered(link)
        if self._settings.protocol is IpmiProtocol.V15:
            return await self._log_in15(link, offered)
        try:
            session = await self._log_in20(link, offered)
        except (SuiteRefusedError, NoAnswerError) as exc:
            self._suites = suites.STRONGEST_FIRST
            if self._settings.protocol is IpmiProtocol.V20:
                raise PowerError(f"no IPMI 2.0, and nothing else is allowed: {exc}") from exc
            self._refusal = str(exc)
            return await self._log_in15(link, offered)
        self._refusal = ""
        return session

    async def _offered(self, link: Asker) -> AuthCapabilities:
        if self._settings.protocol is not IpmiProtocol.V15:
            try:
                return await link.outside(AuthCapabilities.request(ask_v20=True), AuthCapabilities.decode)
            except RefusedError:
                pass  # a BMC of IPMI 1.5 may refuse the bit that asks for 2.0 (§22.13): ask as 1.5 does
        return await link.outside(AuthCapabilities.request(ask_v20=False), AuthCapabilities.decode)

    async def _log_in20(self, link: Asker, offered: AuthCapabilities) -> Session:
        if not offered.v20:
            raise SuiteRefusedError(_ONLY_15)
        *others, last = self._suites
        for suite in others:
            try:
                return await self._with_suite(link, suite)
            except (SuiteRefusedError, NoAnswerError):
                continue  # the last one's refusal is the one that is told
        return await self._with_suite(link, last)

    async def _with_suite(self, link: Asker, suite: Suite) -> Session:
        login = Login20(suite, self._settings.username, self._password, os.urandom)
        session = await link.run(login, self._brief)
        self._suites = (suite,)  # no need to ask for a better one each time
        return session

    async def _log_in15(self, link: Asker, offered: AuthCapabilities) -> Session:
        auth = next((auth for auth in login15.STRONGEST_FIRST if auth in offered.types), None)
        if auth is None:
            names = ", ".join(sorted(auth.name for auth in offered.types)) or "none at all"
            raise PowerError(f"the BMC offers no IPMI 1.5 authentication that Fibrix speaks, but {names}")
        login = Login15(auth, self._settings.username, self._password, os.urandom)
        return await link.run(login, self._patient)
