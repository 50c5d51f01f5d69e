"""What the DNS service is told by the configuration, and its limits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """Ports, times and limits. Rates are answers per second by UDP to one /24."""

    port: int = 53
    rate: int = 500  # to networks that are not ours
    local_rate: int = 50_000  # to networks whose questions are forwarded
    forward_port: int = 53  # of the forwarders
    forward_attempt_s: float = 1.5  # for one forwarder to answer
    forward_s: float = 5.0  # for all of them
    forward_most: int = 500  # questions under way
    cache_entries: int = 20_000  # of answers by forwarders
    cache_bytes: int = 16 << 20
    connections: int = 200  # over TCP
    connections_each: int = 20  # from one address
    idle_s: float = 10.0  # a connection without a question, or with half a one
    notify_first_s: float = 1.0  # until a NOTIFY is sent again; doubled each time
    notify_longest_s: float = 300.0
