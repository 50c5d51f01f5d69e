"""Webhooks: what the API commands, and the service that delivers."""

import random
import secrets
import ssl
from collections import Counter
from dataclasses import dataclass

from fibrix.app.shared import Shared
from fibrix.controllers.deliveries import WebhookService
from fibrix.controllers.mailroom import Mailroom
from fibrix.controllers.upcoming import Upcoming
from fibrix.controllers.webhooks import Chances, WebhookController
from fibrix.drivers.webhooks.sender import HttpSender
from fibrix.store.region import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Postal:
    """All that belongs to webhooks."""

    controller: WebhookController
    service: WebhookService
    attempts: Counter[str]  # `delivered`, `failed`, `dead`


def build_webhooks(shared: Shared, region: Region, tls: ssl.SSLContext | None = None) -> Postal:
    """Make it; `tls` says whom to trust, by default whom this machine trusts."""
    config = shared.config.webhooks
    room = Mailroom(
        store=region,
        upcoming=Upcoming(region.journal, shared.now),
        sender=HttpSender(config, tls),
        config=config,
        now=shared.now,
        chance=random.random,
    )
    service = WebhookService(shared.bus, room, region.journal)
    chances = Chances(draw=secrets.randbelow, octets=secrets.token_bytes)
    controller = WebhookController(region, room, service.poke, config, shared.now, chances)
    return Postal(controller=controller, service=service, attempts=room.attempts)
