"""Values to columns and back: bodies are JSON, times are text of one width, so that they sort."""

from datetime import UTC, datetime


def time_text(at: datetime) -> str:
    """Write a time as the tables hold it: UTC, microseconds, `2026-01-31T12:00:00.000000+00:00`."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
