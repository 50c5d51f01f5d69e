"""Counting HTTP requests: on the way of every request, so it is a look-up and an addition."""

from collections import Counter
from typing import Final

from fibrix.runtime.metrics.spread import QUICK_S, Spreads

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "other"  # a client may make methods up: they must not become labels


class HttpMeter:
    """Requests by method, route and status, and how long they took. The route is its template, never a path."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.durations: Spreads[tuple[str, str]] = Spreads(QUICK_S)

    def observe(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count one request; `route` is empty where no route takes it."""
        if not route:
            route = "none"
            if method not in _METHODS:
                method = _OTHER
        self.requests[method, route, status] += 1
        self.durations.add((method, route), took_s)
