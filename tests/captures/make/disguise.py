"""The kernel's name as programs see it: some say it to the network, and it would name the machine that this runs on."""

import subprocess
from pathlib import Path
from typing import Final

RELEASE: Final = "6.1.0-18-amd64"
NEEDS: Final = ("gcc", "libc6-dev")

_SOURCE: Final = """
#define _GNU_SOURCE
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

int uname(struct utsname *name)
{
    int said = (int)syscall(SYS_uname, name);
    strcpy(name->release, "6.1.0-18-amd64");
    strcpy(name->version, "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)");
    return said;
}
"""


def disguised(folder: Path) -> tuple[str, str]:
    """What to put before a command, so that it sees a kernel of Debian."""
    source, library = folder / "uname.c", folder / "uname.so"
    if not library.exists():
        source.write_text(_SOURCE)
        subprocess.run(("gcc", "-shared", "-fPIC", "-o", library, source), check=True)
        folder.chmod(0o755)
    return "env", f"LD_PRELOAD={library}"
