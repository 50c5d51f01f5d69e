"""Ask one BMC for its power state and print what comes of it: run in a network namespace by test_unreachable.py."""

import asyncio
import sys

from fibrix.config import PowerConfig
from fibrix.domain.power import Bmc, PowerKind, PowerSettings
from fibrix.errors import PowerError
from fibrix.types import MachineId
from tests.drivers.power.conftest import running


async def main(address: str) -> None:
    """Ask, patiently enough for the kernel to find out."""
    settings = PowerSettings(kind=PowerKind.IPMI, address=address, username="admin")
    async with running(PowerConfig()) as driver:
        try:
            print((await driver.status(Bmc(machine=MachineId("m1"), settings=settings))).detail)  # noqa: T201
        except PowerError as exc:
            print(exc)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
