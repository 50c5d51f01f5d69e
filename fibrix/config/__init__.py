"""The configuration: read once, checked whole, every fault told at once."""

from fibrix.config.load import load, subnets
from fibrix.config.sections import (
    ApiConfig,
    BootConfig,
    Config,
    DhcpConfig,
    EphemeralConfig,
    HealthConfig,
    InterfaceConfig,
    JournalConfig,
    LifecycleConfig,
    LogConfig,
    LoginConfig,
    MachinesConfig,
    MetricsConfig,
    PowerConfig,
    RangeConfig,
    SubnetConfig,
    WebhooksConfig,
)

__all__ = [
    "ApiConfig",
    "BootConfig",
    "Config",
    "DhcpConfig",
    "EphemeralConfig",
    "HealthConfig",
    "InterfaceConfig",
    "JournalConfig",
    "LifecycleConfig",
    "LogConfig",
    "LoginConfig",
    "MachinesConfig",
    "MetricsConfig",
    "PowerConfig",
    "RangeConfig",
    "SubnetConfig",
    "WebhooksConfig",
    "load",
    "subnets",
]
