"""Which accelerator QEMU can really use here: KVM only where it was seen to run a guest."""

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Final, Literal

Accelerator = Literal["kvm", "tcg"]

# 16-bit code: mov al, 0x10; out 0xf4, al; hlt. QEMU's isa-debug-exit turns the value v into exit status 2v + 1.
_CODE: Final = b"\xb0\x10\xe6\xf4\xf4"
_SECTOR: Final = _CODE.ljust(510, b"\0") + b"\x55\xaa"
_EXIT_STATUS: Final = 0x10 << 1 | 1
_PROBE_S: Final = 10.0


async def runs_a_guest(accelerator: Accelerator) -> bool:
    """Boot a one-sector guest that ends QEMU with a status of its own."""
    with tempfile.TemporaryDirectory(prefix="fibrix-probe-") as folder:
        disk = Path(folder) / "disk"
        disk.write_bytes(_SECTOR)
        process = await asyncio.create_subprocess_exec(
            *("qemu-system-x86_64", "-nodefaults", "-display", "none", "-accel", accelerator),
            *("-cpu", "host" if accelerator == "kvm" else "max", "-m", "16"),
            *("-drive", f"file={disk},format=raw,if=ide", "-device", "isa-debug-exit,iobase=0xf4,iosize=1"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(_PROBE_S):
                return await process.wait() == _EXIT_STATUS
        except TimeoutError:
            return False
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def choose() -> Accelerator:
    """KVM where the CPU says it can virtualise and a guest ran; /dev/kvm alone proves nothing."""
    return "kvm" if _looks_able() and await runs_a_guest("kvm") else "tcg"


def _looks_able() -> bool:
    flags = re.search(r"^flags\s*:.*\b(vmx|svm)\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return flags is not None and Path("/dev/kvm").exists()
