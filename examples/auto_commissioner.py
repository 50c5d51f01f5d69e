#!/usr/bin/env python3
"""An auto-commissioner: accepts machines of a maker that you trust as they turn up, and has them commissioned.

    FIBRIX_KEY=… ./auto_commissioner.py http://127.0.0.1:5240 Dell

Every call carries an idempotency key made from the machine's id, so nothing is begun twice, however often this program
is started or cut off. Machines of other makers are left to people. Needs aiohttp.
"""

import asyncio
import json
import os
import sys
from typing import Any

import aiohttp


class Commissioner:
    """Accepts and commissions machines of one maker."""

    def __init__(self, session: aiohttp.ClientSession, url: str, maker: str) -> None:
        self._session = session
        self._url = f"{url}/api/v1"
        self._maker = maker.lower()

    async def run(self) -> None:
        """Begin with the machines that wait already; then take each as it comes, for ever."""
        while True:
            try:
                async with self._session.get(f"{self._url}/events?limit=1") as response:
                    response.raise_for_status()
                    head = response.headers["Fibrix-Head"]
                await self._waiting()
                await self._coming(head)
            except (aiohttp.ClientConnectionError, OSError):
                await asyncio.sleep(1)  # the controller is away: nothing is lost, what waits is asked for again

    async def _waiting(self) -> None:
        """Look at every machine that nobody accepted yet, through its event of discovery."""
        async with self._session.get(f"{self._url}/machines?state=New&fields=id,accepted") as response:
            machines = (await response.json())["items"]
        for machine in machines:
            if not machine["accepted"]:
                query = f"type=machine.discovered&limit=1&since=0&subject=machines/{machine['id']}"
                async with self._session.get(f"{self._url}/events?{query}") as response:
                    for event in await response.json(content_type=None):
                        await self._take(event)

    async def _coming(self, since: str) -> None:
        path = f"{self._url}/stream?since={since}&type=machine.discovered"
        async with self._session.ws_connect(path, protocols=("cloudevents.json",)) as stream:
            async for message in stream:
                await self._take(json.loads(message.data))

    async def _take(self, event: dict[str, Any]) -> None:
        """Accept and commission one machine, if it is of the right maker."""
        if self._maker not in event["data"].get("manufacturer", "").lower():
            return
        machine = event["data"]["machine"]
        for action in ("accept", "commission"):
            headers = {"Idempotency-Key": f"auto-{action}-{machine}"}
            async with self._session.post(f"{self._url}/machines/{machine}/{action}", headers=headers) as response:
                if not response.ok:
                    problem = await response.json(content_type=None)
                    print(f"{machine}: {action}: {problem['detail']}", file=sys.stderr)  # noqa: T201
                    return
        print(f"{event['data']['name']}: commissioning", flush=True)  # noqa: T201


async def main(url: str, key: str, maker: str) -> None:
    """Serve for ever."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        await Commissioner(session, url.rstrip("/"), maker).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], os.environ["FIBRIX_KEY"], sys.argv[2]))
