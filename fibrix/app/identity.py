"""Who may do what: users, tenants, keys and sessions, connected to the store."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from fibrix.app.shared import Shared
from fibrix.controllers.api_keys import ApiKeyController
from fibrix.controllers.gate import Doorkeeper
from fibrix.controllers.login import LoginController
from fibrix.controllers.networks import NetworkBook
from fibrix.controllers.passwords import Passwords
from fibrix.controllers.ssh_keys import SshKeyController
from fibrix.controllers.tenants import TenantController
from fibrix.controllers.users import UserController
from fibrix.domain.quota import Use, use_of
from fibrix.domain.throttle import Throttle
from fibrix.runtime.clock import monotonic_s
from fibrix.runtime.hashing import PasswordHashes
from fibrix.store.region import Region
from fibrix.types import TenantId

draw = secrets.randbelow


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the API asks about people and programs."""

    gate: Doorkeeper
    users: UserController
    tenants: TenantController
    api_keys: ApiKeyController
    logins: LoginController
    ssh_keys: SshKeyController


def build_identity(shared: Shared, region: Region, networks: NetworkBook) -> Identity:
    """Make all of it."""
    login, now = shared.config.login, shared.now
    whole, idle = timedelta(seconds=login.session_s), timedelta(seconds=login.idle_s)
    passwords = Passwords(PasswordHashes(), Throttle(), monotonic_s)

    def use(tenant: TenantId) -> Use:
        return use_of(tenant, region.machines(), networks.reservations())

    return Identity(
        gate=Doorkeeper(region, idle, now),
        users=UserController(region, passwords, now, draw),
        tenants=TenantController(region, use, now, draw),
        api_keys=ApiKeyController(region, secrets.token_urlsafe, now, draw),
        logins=LoginController(region, passwords, (whole, idle), secrets.token_urlsafe, now, monotonic_s),
        ssh_keys=SshKeyController(region, region.ssh_keys.all, now),
    )
