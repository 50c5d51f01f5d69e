"""The sniffer, as the configuration has it."""

from fibrix.app.shared import Shared
from fibrix.config import interface_roles
from fibrix.runtime.vendor import vendor
from fibrix.services.sniffer.service import Sniffer, SnifferSettings
from fibrix.store.db import Database
from fibrix.store.hosts import Hosts


def build_sniffer(shared: Shared, database: Database) -> Sniffer:
    """Make it, on the rack's database."""
    config = shared.config.discovery
    settings = SnifferSettings(
        roles=interface_roles(shared.config),
        promiscuous=frozenset(config.promiscuous),
        gone_s=config.gone_s,
        keep_days=config.keep_days,
        most_hosts=config.most_hosts,
    )
    return Sniffer(shared.snapshot, Hosts(database), shared.bus, settings, vendor, shared.now)
