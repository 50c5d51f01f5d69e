"""Running the builders' programs: their failure in words, their children never left behind."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from fibrix.errors import BuildError

TAIL_LINES: Final = 12
"""So many of the last lines that a program wrote to standard error are told when it fails."""

_GRACE_S: Final = 15.0  # from SIGTERM to SIGKILL: mmdebstrap unmounts what it mounted
_LINE_BYTES: Final = 1 << 20  # longest line that is read whole


async def run(
    *argv: str | Path,
    step: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout_s: float = 3600.0,
) -> str:
    """Run a program to its end and give its standard output as text; `env` adds to this process's environment.

    `step` says in words what it is for ("make the root file system"). Raises BuildError with the step and the last
    lines of standard error when the program is missing, fails, or takes longer than `timeout_s`. It is stopped, with
    all its children, when the caller is cancelled.
    """
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    try:
        async with _started(argv, cwd, env) as process, asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
            group.create_task(_feed(process, stdin), name=f"{argv[0]} stdin")
            output = group.create_task(_read(process), name=f"{argv[0]} stdout")
            group.create_task(_keep_tail(process, tail), name=f"{argv[0]} stderr")
            status = await process.wait()
    except FileNotFoundError as exc:
        raise BuildError(f"{step}: {exc.filename} is not there; ./scripts/run installs what is needed") from exc
    except TimeoutError as exc:
        raise BuildError(_told(f"{step}: {argv[0]} took longer than {timeout_s:g} s", tail)) from exc
    if status:
        raise BuildError(_told(f"{step}: {argv[0]} ended with {_ending(status)}", tail))
    return output.result().decode(errors="replace")


@asynccontextmanager
async def _started(
    argv: tuple[str | Path, ...], cwd: Path | None, env: Mapping[str, str] | None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program in a session of its own, which is ended with the block."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask the whole session to end, then make it; a session that is gone already is what is wanted."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    if process.stdin is None:
        return
    try:
        process.stdin.write(data)
        await process.stdin.drain()
    except ConnectionError:
        return  # it did not want to read on; its exit status says whether that is a fault
    finally:
        process.stdin.close()


async def _read(process: asyncio.subprocess.Process) -> bytes:
    return b"" if process.stdout is None else await process.stdout.read()


async def _keep_tail(process: asyncio.subprocess.Process, tail: deque[str]) -> None:
    """Read standard error to its end, keeping the last lines; a progress bar's carriage returns are line ends too."""
    while process.stderr is not None and (chunk := await process.stderr.read(1 << 16)):
        lines = chunk.decode(errors="replace").replace("\r", "\n").split("\n")
        tail.extend(line.rstrip() for line in lines if line.strip())


def _ending(status: int) -> str:
    return f"exit status {status}" if status > 0 else f"signal {signal.Signals(-status).name}"


def _told(message: str, tail: deque[str]) -> str:
    return "\n  ".join([message, *tail])
