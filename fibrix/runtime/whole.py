"""Files that are there whole or not at all, whatever happens on the way."""

import os
from pathlib import Path


def put(path: Path, data: bytes, *, mode: int) -> None:
    """Put a file in place, over the one of before if there is one; nobody reads half of it. Raises OSError."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)  # of a process that was killed
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
