"""What a refused request gets: a status, and an error in the one shape."""

import json
from dataclasses import dataclass

from starlette.types import Send


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request may not pass; `headers` go with it, `closes` ends the connection, whose rest is not read."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()
    closes: bool = False

    def body(self, request_id: str) -> bytes:
        """Return the error as JSON."""
        error = {"code": self.code, "message": self.message, "request_id": request_id}
        return json.dumps({"error": error}).encode()

    async def send(self, send: Send, request_id: str) -> None:
        """Answer with it."""
        body = self.body(request_id)
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), *self.headers]
        if self.closes:
            headers.append(("connection", "close"))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})
