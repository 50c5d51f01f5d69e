#!/usr/bin/env python3
"""A billing exporter: who had which machine from when to when, as CSV, from the stream of events.

    FIBRIX_KEY=… ./billing_exporter.py http://127.0.0.1:5240 billing/

It keeps two files in the folder: `usage.csv`, a line for each stretch of time that a tenant had a machine, and
`state.json`: the number of the last event that was worked in, and the stretches that have not ended. The state goes to
the disk whole or not at all, and says how long the CSV was, so a crash at any point counts nothing twice and loses
nothing. Needs aiohttp.
"""

import asyncio
import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp

Event = dict[str, Any]


class Ledger:
    """The two files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._csv = folder / "usage.csv"
        self._state_file = folder / "state.json"
        self._state: dict[str, Any] = {"seq": 0, "csv_bytes": 0, "open": {}}
        if self._state_file.exists():
            self._state = json.loads(self._state_file.read_text())
        self._csv.touch()
        os.truncate(self._csv, self._state["csv_bytes"])  # what a crash left behind its last state is written anew

    @property
    def seq(self) -> int:
        """The last event that was worked in."""
        return int(self._state["seq"])

    def work_in(self, event: Event) -> None:
        """Open a stretch when a tenant gets a machine, close it when the machine is theirs no more."""
        machine, kind = event["subject"], event["type"]
        tenant = event.get("tenant", "")
        if kind == "fibrix.machine.allocated" and tenant:
            self._state["open"][machine] = [tenant, event["data"]["name"], event["time"]]
        elif kind in {"fibrix.machine.ready", "fibrix.machine.deleted", "fibrix.machine.retired"}:
            self._close(machine, event["time"])
        self._state["seq"] = int(event["id"])

    def gap(self, oldest: int) -> None:
        """Events are missing: say so, and go on from what is still there."""
        print(f"events before {oldest} are gone: check the open stretches by hand", file=sys.stderr)  # noqa: T201
        self._state["seq"] = oldest - 1

    def save(self) -> None:
        """Bring both files to the disk."""
        self._state["csv_bytes"] = self._csv.stat().st_size
        fresh = self._state_file.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump(self._state, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._state_file)

    def _close(self, machine: str, until: str) -> None:
        found = self._state["open"].pop(machine, None)
        if found is None:
            return
        tenant, name, since = found
        with self._csv.open("a", newline="") as file:
            csv.writer(file).writerow([tenant, machine, name, since, until])
            file.flush()
            os.fsync(file.fileno())


async def follow(url: str, key: str, ledger: Ledger) -> None:
    """Work in every event, once and in order; come back after every loss of the connection."""
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        while True:
            path = f"{url}/api/v1/stream?since={ledger.seq}&type=machine."
            try:
                async with session.ws_connect(path, protocols=("cloudevents.json",)) as stream:
                    async for message in stream:
                        take(ledger, json.loads(message.data))
            except aiohttp.WSServerHandshakeError as exc:
                if exc.status in {401, 403}:
                    raise SystemExit(f"the API key is not good for this: {exc.status}") from exc
            except (aiohttp.ClientError, OSError):
                pass  # the controller is away: it is asked again
            await asyncio.sleep(1)


def take(ledger: Ledger, event: Event) -> None:
    """Work in one message of the stream."""
    if event["type"] == "fibrix.gap":
        ledger.gap(event["data"]["oldest"])
    elif event["id"].isdecimal():
        ledger.work_in(event)
    ledger.save()


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1].rstrip("/"), os.environ["FIBRIX_KEY"], Ledger(Path(sys.argv[2]))))
