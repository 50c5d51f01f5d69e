"""Talking to systemd: readiness, the end, and the watchdog (sd_notify(3), sd_watchdog_enabled(3))."""

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Self

import structlog

log = structlog.get_logger()


class Notifier:
    """Sends states to the service manager; without one, nothing happens.

    The wire: one datagram per message to the unix socket that NOTIFY_SOCKET names, lines of `KEY=VALUE`.
    """

    def __init__(self, address: str, watchdog_s: float) -> None:
        self.watchdog_s = watchdog_s  # the manager ends us after so long without a sign of life; 0: it does not watch
        self._address = "\0" + address[1:] if address.startswith("@") else address  # @: the abstract namespace

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID."""
        watched = environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        microseconds = environ.get("WATCHDOG_USEC", "")
        watchdog_s = int(microseconds) / 1e6 if watched and microseconds.isdecimal() else 0.0
        return cls(environ.get("NOTIFY_SOCKET", ""), watchdog_s)

    def ready(self, status: str) -> None:
        """All services were started; `status` is one line for `systemctl status`."""
        self._send(f"READY=1\nSTATUS={status}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """A sign of life for the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        """Send one message; a manager that is gone is logged, and no reason to stop serving."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(0)  # never wait for the manager
                sender.sendto(message.encode(), self._address)
        except OSError as exc:
            log.warning("systemd.not_notified", reason=str(exc))


class Watchdog:
    """A service that shows the manager, from inside the event loop, that the loop still turns."""

    name = "watchdog"

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    async def run(self, ready: asyncio.Event) -> None:
        """Give a sign of life twice per interval, until cancelled."""
        ready.set()
        while self._notifier.watchdog_s:
            self._notifier.alive()
            await asyncio.sleep(self._notifier.watchdog_s / 2)
        await asyncio.Event().wait()
