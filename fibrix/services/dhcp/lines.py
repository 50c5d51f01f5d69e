"""One log line per exchange, as long as there are not too many: a line costs as much as a quarter of an exchange."""

import logging
from collections import Counter
from typing import Final

import structlog

from fibrix.services.dhcp.outcome import Outcome, Verdict

log = structlog.get_logger()

_MOST_PER_S: Final = 100

_LEVELS: Final = {
    Verdict.OFFERED.word: logging.DEBUG,
    Verdict.IGNORED.word: logging.DEBUG,
    Verdict.EXHAUSTED.word: logging.WARNING,
    Verdict.DECLINED.word: logging.WARNING,
}


class Lines:
    """Writes `dhcp.decided`, at most 100 of them a second, and tells how many were left out."""

    def __init__(self) -> None:
        self._debug = log.is_enabled_for(logging.DEBUG)
        self._second = 0
        self._written = 0
        self._left_out: Counter[str] = Counter()

    def write(self, outcome: Outcome, interface: str, now_s: float) -> None:
        """Write the line of an exchange. Debug lines are not counted: who asks for them wants them."""
        level = _LEVELS.get(outcome.verdict.word, logging.INFO)
        if level == logging.DEBUG:
            if not self._debug:
                return
        elif not self._may(int(now_s)):
            self._left_out[outcome.verdict.word] += 1
            return
        log.log(
            level,
            "dhcp.decided",
            verdict=outcome.verdict.word,
            mac=outcome.mac,
            xid=f"{outcome.xid:08x}",
            interface=interface,
            address=str(outcome.address or ""),
            reason=outcome.reason,
        )

    def malformed(self, interface: str, size: int, reason: str, now_s: float) -> None:
        """Write what was wrong with a datagram."""
        if self._may(int(now_s)):
            log.info("dhcp.malformed", interface=interface, size=size, reason=reason)
        else:
            self._left_out["malformed"] += 1

    def unsent(self, outcome: Outcome, interface: str, reason: str, now_s: float) -> None:
        """Write why a reply could not be sent."""
        if self._may(int(now_s)):
            log.warning("dhcp.unsent", mac=outcome.mac, interface=interface, reason=reason)
        else:
            self._left_out["unsent"] += 1

    def settle(self) -> None:
        """Tell what was left out since the last time, if anything."""
        if self._left_out:
            log.info("dhcp.lines_left_out", **self._left_out)
            self._left_out.clear()

    def _may(self, second: int) -> bool:
        if second != self._second:
            self._second, self._written = second, 0
        self._written += 1
        return self._written <= _MOST_PER_S
