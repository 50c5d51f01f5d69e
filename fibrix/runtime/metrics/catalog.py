"""The name of everything that `/metrics` shows, but for what is of the process itself (`process_…`, `python_gc_…`).

A name ends in its unit, a counter in `_total`. `docs/metrics.md` explains them; a test compares the two.
"""

from typing import Final

from fibrix.runtime.metrics.family import Counter, Family, Gauge, Histogram

HTTP_REQUESTS: Final = Counter(
    "fibrix_http_requests_total",
    "Requests to the API. `route` is the template of the path; `none`: there is no such route.",
    ("method", "route", "status"),
)
HTTP_SECONDS: Final = Histogram(
    "fibrix_http_request_duration_seconds", "From a request's header to its answer.", ("method", "route")
)
SUBSCRIBERS: Final = Gauge(
    "fibrix_stream_subscribers", "Who follows the event stream now, by websocket or SSE.", ("kind",)
)
DELIVERIES: Final = Counter(
    "fibrix_webhook_attempts_total",
    "Attempts to deliver an event to a webhook: `delivered`, `failed`; `dead`: it was given up.",
    ("result",),
)
LETTERS: Final = Gauge(
    "fibrix_webhook_letters", "Events that a webhook could not be given at once, by what becomes of them.", ("state",)
)
BUS_QUEUED: Final = Gauge(
    "fibrix_bus_queued_events", "Events that wait for a subscriber of the event bus.", ("subscription",)
)
BUS_LAGGED: Final = Counter(
    "fibrix_bus_lagged_events_total", "Events lost to a subscriber because its queue was full.", ("subscription",)
)
JOURNAL_HEAD: Final = Gauge("fibrix_journal_head_sequence", "Sequence number of the newest event.")
JOURNAL_OLDEST: Final = Gauge("fibrix_journal_oldest_sequence", "Sequence number of the oldest event that is kept.")
JOURNAL_ENTRIES: Final = Gauge("fibrix_journal_entries", "Events that are kept.")
STORE_BYTES: Final = Gauge(
    "fibrix_store_file_bytes",
    "Size of a database's files: the database itself, its write-ahead log.",
    ("store", "file"),
)
STORE_QUEUED: Final = Gauge("fibrix_store_queued_units", "Units of work that wait for a database's writer.", ("store",))
COMMIT_SECONDS: Final = Histogram(
    "fibrix_store_commit_duration_seconds", "From the begin of a transaction until it is on the disk.", ("store",)
)
COMMIT_UNITS: Final = Histogram("fibrix_store_commit_units", "Units of work in one transaction.", ("store",))
COMMIT_FAILURES: Final = Counter(
    "fibrix_store_commit_failures_total", "Transactions that the disk would not have.", ("store",)
)
DHCP_RECEIVED: Final = Counter("fibrix_dhcp_received_messages_total", "DHCP messages from clients, by type.", ("type",))
DHCP_SENT: Final = Counter("fibrix_dhcp_sent_messages_total", "DHCP messages to clients, by type.", ("type",))
DHCP_DECISIONS: Final = Counter(
    "fibrix_dhcp_decisions_total",
    "What became of datagrams; `dropped`, `malformed`, `withheld` (not stored) and `unsent` are faults.",
    ("verdict",),
)
DHCP_QUEUED: Final = Gauge("fibrix_dhcp_queued_datagrams", "Datagrams that wait for a decision, or for the disk.")
DHCP_SERVING: Final = Gauge(
    "fibrix_dhcp_interface_serving",
    "1: DHCP is answered on this interface; 0: it should be, and is not.",
    ("interface",),
)
DHCP_LEASES: Final = Gauge(
    "fibrix_dhcp_leases", "Addresses of a subnet that are bound, or were declined and rest.", ("subnet", "state")
)
DHCP_POOL: Final = Gauge("fibrix_dhcp_pool_addresses", "Addresses in the dynamic ranges of a subnet.", ("subnet",))
DHCP_RANGE: Final = Gauge(
    "fibrix_dhcp_range_addresses",
    "Addresses of a dynamic range: all of them, and those that are bound or rest.",
    ("subnet", "range", "state"),
)
DNS_QUERIES: Final = Counter(
    "fibrix_dns_queries_total",
    "DNS queries by type; `none`: could not be read; `other`: a type without a name.",
    ("type",),
)
DNS_ANSWERS: Final = Counter("fibrix_dns_answers_total", "DNS answers by RCODE.", ("rcode",))
DNS_EVENTS: Final = Counter(
    "fibrix_dns_events_total",
    "What happens besides: answers given as they were made before, forwarding, limits, transfers, NOTIFYs, faults.",
    ("what",),
)
DNS_SERVING: Final = Gauge(
    "fibrix_dns_address_serving",
    "1: DNS is answered on this address; 0: it should be, and is not.",
    ("address",),
)
DNS_REMEMBERED: Final = Gauge("fibrix_dns_remembered_answers", "Answers of forwarders that are kept.")
DNS_UNUSABLE: Final = Gauge(
    "fibrix_dns_unusable", "Zones and keys that cannot be served with, and records that are left out.", ("what",)
)
DNS_RECORDS: Final = Gauge("fibrix_dns_zone_records", "Records of a zone.", ("zone",))
DNS_SERIAL: Final = Gauge(
    "fibrix_dns_zone_serial", "Serial number of a zone; secondaries should have the same.", ("zone",)
)
DHCP_LINK: Final = Counter(
    "fibrix_dhcp_link_frames_total",
    "What is seen and done on the links besides answering: probes of addresses, conflicts, answers of other servers.",
    ("what",),
)
PXE_PORT: Final = Counter(
    "fibrix_dhcp_pxe_port_datagrams_total", "What became of datagrams to port 4011.", ("verdict",)
)
TRANSFERS: Final = Counter(
    "fibrix_boot_transfers_total", "Files sent to machines, whole or not.", ("protocol", "result")
)
TRANSFER_BYTES: Final = Counter("fibrix_boot_sent_bytes_total", "Bytes of files sent to machines.", ("protocol",))
TRANSFERS_ACTIVE: Final = Gauge("fibrix_boot_active_transfers", "Files that are being sent now.", ("protocol",))
BOOT_REFUSED: Final = Counter(
    "fibrix_boot_refused_requests_total", "Requests for files that were not answered with one.", ("protocol", "reason")
)
SOLICITATIONS: Final = Counter(
    "fibrix_router_solicitations_total", "Solicitations of an IPv6 router, by what became of them.", ("verdict",)
)
SNIFFER_FRAMES: Final = Counter(
    "fibrix_sniffer_frames_total",
    "What became of frames that were heard: `read`; `malformed`; `unproved`, which may be forged; `limited`, too many.",
    ("protocol", "verdict"),
)
SNIFFER_HEARD: Final = Counter(
    "fibrix_sniffer_heard_frames_total", "Frames that were heard, by interface.", ("interface",)
)
SNIFFER_DROPPED: Final = Counter(
    "fibrix_sniffer_dropped_frames_total",
    "Frames that the kernel had no room for: they came faster than they were read.",
    ("interface",),
)
SNIFFER_HEARING: Final = Gauge(
    "fibrix_sniffer_interface_hearing",
    "1: hosts are heard on this interface; 0: they should be, and are not.",
    ("interface",),
)
SNIFFER_HOSTS: Final = Gauge("fibrix_sniffer_hosts", "Hosts that are known, gone ones among them.")
SNIFFER_LOSSES: Final = Counter(
    "fibrix_sniffer_lost_hosts_total",
    "Hosts that were `refused` as too many new ones came, `forgotten` for want of room, or `unwritten` by a slow disk.",
    ("reason",),
)
SCAN_SENT: Final = Counter(
    "fibrix_scan_sent_probes_total", "Packets that active scans sent, of `redfish` connections, by kind.", ("kind",)
)
SCAN_ANSWERED: Final = Counter(
    "fibrix_scan_answered_hosts_total", "Hosts that answered active scans, by what they answered.", ("kind",)
)
POWER_COMMANDS: Final = Counter(
    "fibrix_power_commands_total",
    "Commands to power supplies, reading the state included.",
    ("kind", "command", "result"),
)
POWER_SECONDS: Final = Histogram(
    "fibrix_power_command_duration_seconds", "How long a power supply took, retries included.", ("kind", "command")
)
MACHINES: Final = Gauge("fibrix_machines", "Machines in each state.", ("state",))
MACHINES_POWER: Final = Gauge("fibrix_machines_by_power", "Machines by power state.", ("power",))
STATE_OLDEST: Final = Gauge(
    "fibrix_machine_state_oldest_seconds",
    "How long the machine that is in a passing state for the longest is in it; 0: none is.",
    ("state",),
)
STATE_SECONDS: Final = Histogram(
    "fibrix_machine_state_duration_seconds", "How long machines were in a state that they have left.", ("state",)
)
MACHINE_POWERED: Final = Gauge(
    "fibrix_machine_powered",
    "1: on, 0: off; none while unknown. Only with `[metrics] per_machine`, and for 500 machines at most.",
    ("machine", "name"),
)
OPERATIONS: Final = Gauge("fibrix_operations", "Operations that are on record.", ("kind", "state"))
OPERATION_SECONDS: Final = Histogram(
    "fibrix_operation_duration_seconds", "How long operations took that ended.", ("kind", "state")
)
SERVICE_UP: Final = Gauge("fibrix_service_up", "1: the service runs; 0: it does not.", ("service",))
SERVICE_RESTARTS: Final = Counter(
    "fibrix_service_restarts_total", "How often a service was started again after a failure.", ("service",)
)
CHECK_OK: Final = Gauge(
    "fibrix_check_ok", "1: a check of the controller's surroundings passes; 0: it does not.", ("check",)
)
LOOP_LAG: Final = Histogram(
    "fibrix_event_loop_lag_seconds", "By how much the event loop was late, looked at 4 times a second."
)
BUILD_INFO: Final = Gauge("fibrix_build_info", "Always 1; the labels say what runs.", ("version", "python"))

FAMILIES: Final[tuple[Family, ...]] = tuple(value for value in list(vars().values()) if isinstance(value, Family))
"""All of them."""
