"""How many answers a network gets by UDP, where a source address may be a lie: so that nobody is flooded with them."""

from typing import Final

_MOST_NETWORKS: Final = 65_536
_SLIP: Final = 2  # of those over the limit, every so-manieth is answered "come by TCP"; a real asker does


class Bucket:
    """What the hosts of one /24 may still be sent. Whoever sends takes 1 from `tokens`, and asks `refill` at 0."""

    __slots__ = ("_at", "_over", "_rate", "tokens")

    def __init__(self, rate: int, now: float) -> None:
        """`rate` is answers per second, and how many may come at once."""
        self.tokens = rate
        self._rate = rate
        self._at = now
        self._over = 0

    def refill(self, now: float) -> bool:
        """Put in what has come together since; whether there is something now."""
        more = int((now - self._at) * self._rate)
        if more > 0:
            self.tokens = min(self._rate, self.tokens + more)
            self._at = now
        return self.tokens > 0

    def slips(self) -> bool:
        """Whether this one over the limit is to be told to come by TCP; the others get nothing."""
        self._over += 1
        return self._over % _SLIP == 0


class Buckets:
    """The networks that were heard of last."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[int, int], Bucket] = {}

    def of(self, network: int, rate: int, now: float) -> Bucket:
        """Give a network's bucket."""
        bucket = self._buckets.get((network, rate))
        if bucket is None:
            if len(self._buckets) >= _MOST_NETWORKS:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[network, rate] = Bucket(rate, now)
        return bucket
