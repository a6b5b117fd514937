"""Callers in a process of their own: `python -m tests.reliability.callers ADDRESS CALLERS PER_SECOND SECONDS`.

Tells as JSON what came of it.
"""

import asyncio
import json
import sys
import time
from collections import Counter

import httpx

QUESTION = {"question": "How many ferries a day will Tolm run?"}


class Callers:
    """Ask, and count."""

    def __init__(self, client: httpx.AsyncClient, seconds: float) -> None:
        self._client = client
        self._end = time.monotonic() + seconds
        self.statuses: Counter[int] = Counter()
        self.improper = 0
        self.health_failures = 0

    async def ask(self) -> None:
        """Ask once."""
        response = await self._client.post("/v1/answer", json=QUESTION)
        self.statuses[response.status_code] += 1
        if response.status_code == 503 and not response.headers.get("retry-after", "").isdecimal():
            self.improper += 1

    async def go_on(self) -> None:
        """Ask again and again."""
        while time.monotonic() < self._end:
            await self.ask()

    async def flood(self, per_second: float) -> None:
        """Ask at a rate, whatever becomes of it."""
        started, sent, tasks = time.monotonic(), 0, []
        while (now := time.monotonic()) < self._end:
            while sent < (now - started) * per_second:
                tasks.append(asyncio.create_task(self.ask()))
                sent += 1
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)

    async def watch(self) -> None:
        """Look at the health."""
        while time.monotonic() < self._end:
            self.health_failures += (await self._client.get("/healthz")).status_code != 200
            await asyncio.sleep(0.1)


async def main(address: str, callers: int, per_second: float, seconds: float) -> None:
    """Run and tell."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        group, started = Callers(client, seconds), time.monotonic()
        asking = group.flood(per_second) if per_second else asyncio.gather(*[group.go_on() for _ in range(callers)])
        await asyncio.gather(group.watch(), asking)
        told = {
            "statuses": group.statuses,
            "improper": group.improper,
            "health_failures": group.health_failures,
            "seconds": time.monotonic() - started,
        }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
