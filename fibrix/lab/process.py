"""Processes of the lab: short ones that are waited for, and ones that outlive the command that started them."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import fibrix
from fibrix.errors import LabError

SHELL: Final = Path(__file__).parent / "shell"
_START_TIME_FIELD: Final = 19  # field 22 of proc_pid_stat(5), counted from the state, field 3
_POLL_S: Final = 0.02
_INTERRUPT_S: Final = 20.0


async def run(*argv: str | Path, timeout_s: float = 30.0) -> str:
    """Run a command to its end and give what it printed. Raises LabError with its last words."""
    process = await asyncio.create_subprocess_exec(
        *map(str, argv),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
    except TimeoutError as exc:
        raise LabError(f"{_words(argv)}: not done in {timeout_s:g} s") from exc
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode(errors="replace")
    if process.returncode:
        raise LabError(f"{_words(argv)}: status {process.returncode}: {text.strip()[-500:]}")
    return text


async def run_lines(*argv: str | Path) -> AsyncIterator[str]:
    """Run a command for as long as it takes and give its lines as they come. Raises LabError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *map(str, argv),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 20,  # bytes of the longest line
        process_group=0,  # Ctrl-C comes to the caller alone
    )
    last: deque[str] = deque(maxlen=20)
    try:
        while process.stdout and (line := await process.stdout.readline()):
            last.append(line.decode(errors="replace").rstrip())
            yield last[-1]
        if await process.wait():
            raise LabError(f"{_words(argv)}: status {process.returncode}:\n" + "\n".join(last))
    finally:
        if process.returncode is None:
            await _interrupt(process)


async def _interrupt(process: Process) -> None:
    """End a command as Ctrl-C does, so that it ends its own children and clears up; kill them all if it does not."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(_INTERRUPT_S):
            await process.wait()
    except TimeoutError:
        signal_group(process.pid, signal.SIGKILL)
        await process.wait()


def _words(argv: Sequence[str | Path]) -> str:
    return " ".join(map(str, argv))


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process known by pid and start time, so that a recycled pid is never taken for it."""

    pid: int
    born: int  # clock ticks after boot

    @classmethod
    def read(cls, pid_file: Path) -> Self | None:
        """Read what `daemon.sh` wrote; None where there is nothing (yet)."""
        try:
            pid, born = pid_file.read_text().split()
        except FileNotFoundError:
            return None
        return cls(int(pid), int(born))

    @classmethod
    def own(cls) -> Self:
        """Name the calling process."""
        return cls(os.getpid(), _stat(os.getpid())[1])

    def write(self, pid_file: Path) -> None:
        """Leave a note that `read` understands."""
        pid_file.write_text(f"{self.pid} {self.born}\n")

    @property
    def alive(self) -> bool:
        """Does it still run? A zombie does not."""
        state, born = _stat(self.pid)
        return born == self.born and state not in ("", "Z")

    def signal(self, number: signal.Signals) -> None:
        """Signal its whole process group, unless it is gone."""
        if self.alive:
            signal_group(self.pid, number)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process group, or the one process where it leads none; silent when it is gone meanwhile."""
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return


def _stat(pid: int) -> tuple[str, int]:
    """State letter and start time of a process; ("", -1) when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", -1
    return fields[0], int(fields[_START_TIME_FIELD])


async def start_daemon(pid_file: Path, log_file: Path, *argv: str | Path, inside: Sequence[str] = ()) -> Daemon:
    """Start a process that outlives this one; `inside` is put in front (`ip netns exec NAME`). Raises LabError."""
    await run(*inside, SHELL / "daemon.sh", pid_file, log_file, *argv)
    daemon = Daemon.read(pid_file)
    if daemon is None:
        raise LabError(f"{_words(argv)}: was not started; see {log_file}")
    return daemon


def python_module(name: str) -> tuple[str, ...]:
    """Give the command that runs a module of this very Fibrix, installed or in a checkout."""
    root = Path(fibrix.__file__).parent.parent
    return ("env", f"PYTHONPATH={root}", sys.executable, "-m", name)


async def until(reached: Callable[[], bool], *, within_s: float) -> bool:
    """Look again and again until something is so; False when it is not after that long."""
    try:
        async with asyncio.timeout(within_s):
            while True:
                if reached():
                    return True
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        return reached()  # it may have come while this process stood still


async def gone(daemons: Sequence[Daemon], *, within_s: float) -> bool:
    """Wait until none of them runs; False when some still do after that long."""
    return await until(lambda: not any(daemon.alive for daemon in daemons), within_s=within_s)


async def stop(daemons: Iterable[Daemon], *, grace_s: float = 5.0) -> None:
    """Ask them to end, wait, then kill what is left. Raises LabError if even that fails."""
    chosen = list(daemons)
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        for daemon in chosen:
            daemon.signal(number)
        if await gone(chosen, within_s=patience_s):
            return
    raise LabError(f"processes that would not end: {[daemon.pid for daemon in chosen if daemon.alive]}")


def daemon_of(pid: int) -> Daemon:
    """Name a process by its present start time."""
    return Daemon(pid, _stat(pid)[1])


async def wait_for_udp(daemon: Daemon, address: str, port: int, *, within_s: float = 5.0) -> bool:
    """Wait until the process's network namespace has this UDP port open; False when it ended or took too long."""
    await until(lambda: not daemon.alive or _listens(daemon.pid, address, port), within_s=within_s)
    return daemon.alive and _listens(daemon.pid, address, port)


def _listens(pid: int, address: str, port: int) -> bool:
    """Look the port up in the process's own namespace: proc(5) writes the address little-endian, in hex."""
    wanted = f"{bytes(map(int, reversed(address.split('.')))).hex().upper()}:{port:04X}"
    try:
        return wanted in Path(f"/proc/{pid}/net/udp").read_text()
    except OSError:  # it ended meanwhile
        return False
