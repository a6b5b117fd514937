"""Callers in a process of their own: `python -m tests.reliability.callers ADDRESS CALLERS PER_SECOND SECONDS`.

HTTP by hand, a connection each, so that asking costs little beside answering. Tells as JSON what came of it.
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter, defaultdict
from itertools import cycle

from benchmarks.page import QUESTIONS
from tests.reliability.raw_http import exchange, request

CLOSE = "Connection: close"
RETRY = re.compile(rb"\r\nretry-after: \d+(\r\n|$)")
PATIENCE_S = 60


def question_to(address: str, question: str) -> bytes:
    """The whole request."""
    body = json.dumps({"question": question}).encode()
    headers = ("Content-Type: application/json", f"Content-Length: {len(body)}", CLOSE)
    return request(address, "POST /v1/answer", *headers, body=body)


class Callers:
    """Ask, and count."""

    def __init__(self, address: str, seconds: float) -> None:
        self._address = address
        self._end = time.monotonic() + seconds
        self._questions = cycle([question_to(address, one) for one in QUESTIONS])
        self._health = request(address, "GET /healthz", CLOSE)
        self.seconds: defaultdict[int, list[float]] = defaultdict(list)
        self.improper = 0
        self.health: Counter[int] = Counter()
        self.health_seconds: list[float] = []

    async def ask(self) -> None:
        """Ask once; a connection that was closed without a word counts as status 0."""
        reply = await exchange(self._address, next(self._questions), wait_s=PATIENCE_S)
        self.seconds[reply.status].append(reply.seconds)
        if reply.status == 503 and not RETRY.search(reply.head):
            self.improper += 1

    async def go_on(self) -> None:
        """Ask again and again."""
        while time.monotonic() < self._end:
            await self.ask()

    async def flood(self, per_second: float) -> None:
        """Ask at a rate, whatever becomes of it."""
        started, sent = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while (now := time.monotonic()) < self._end:
                while sent < (now - started) * per_second:
                    group.create_task(self.ask())
                    sent += 1
                await asyncio.sleep(0.01)

    async def watch(self) -> None:
        """Look at the health."""
        while time.monotonic() < self._end:
            reply = await exchange(self._address, self._health, wait_s=PATIENCE_S)
            self.health[reply.status] += 1
            self.health_seconds.append(reply.seconds)
            await asyncio.sleep(0.1)


async def main(address: str, callers: int, per_second: float, seconds: float) -> None:
    """Run and tell."""
    group, started = Callers(address, seconds), time.monotonic()
    asking = group.flood(per_second) if per_second else asyncio.gather(*[group.go_on() for _ in range(callers)])
    await asyncio.gather(group.watch(), asking)
    told = {
        "answers": group.seconds,
        "improper": group.improper,
        "health": group.health,
        "health_seconds": group.health_seconds,
        "seconds": time.monotonic() - started,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
