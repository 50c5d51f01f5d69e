"""From a file and the environment to a checked configuration."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fibrix.config.check import conflicts
from fibrix.config.environment import override
from fibrix.config.reader import Reader
from fibrix.config.sections import Config, SubnetConfig
from fibrix.domain.network import AddressRange, Subnet, SubnetMode, UnknownPolicy
from fibrix.errors import ConfigError


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read a TOML file, let `FIBRIX_SECTION_KEY` variables override it, check it whole.

    Raises ConfigError with every fault: those of the values, and those of the values among one another.
    """
    try:
        with path.open("rb") as file:
            table: dict[str, Any] = tomllib.load(file)
    except OSError as exc:
        raise ConfigError([f"cannot read {path}: {exc.strerror}"]) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError([f"{path} is not TOML: {exc}"]) from exc
    return parse(table, environ)


def parse(table: dict[str, Any], environ: Mapping[str, str]) -> Config:
    """Do what `load` does, from a table that is read already."""
    reader = Reader()
    reader.faults += override(table, environ)
    values = reader.fields(Config, table, "")
    reader.faults += conflicts(values, reader.unsound)
    if reader.faults:
        raise ConfigError(reader.faults)
    return Config(**values)


def subnets(config: Config) -> tuple[Subnet, ...]:
    """Give the configured subnets as the domain knows them."""
    return tuple(_subnet(subnet) for subnet in config.subnets)


def _subnet(subnet: SubnetConfig) -> Subnet:
    """Turn one subnet of the file into one of the domain."""
    return Subnet(
        name=subnet.name,
        interface=subnet.interface,
        network=subnet.network,
        address=subnet.address.ip,
        mode=SubnetMode(subnet.mode),
        unknown=UnknownPolicy(subnet.unknown),
        ranges=tuple(AddressRange(first=r.first, last=r.last) for r in subnet.ranges),
        routers=subnet.routers,
        dns_servers=subnet.dns_servers,
        domain_name=subnet.domain_name,
        mtu=subnet.mtu,
        lease_s=subnet.lease_s,
    )
