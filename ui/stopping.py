"""How `footnote serve` stops: nobody more is let in, what is under way is finished, and the process is gone in time."""

import logging
import os
import signal
import socket
import threading
import time
from types import FrameType

import uvicorn

from qa.library import Library
from qa.traffic import Traffic
from ui.page.mount import remove_uploads

logger = logging.getLogger(__name__)

# For what is under way; then for the page to show its end, since a tab's stream never ends by itself; then for
# uvicorn to close what is left; and then the process goes, whatever it does.
FINISH_SECONDS = 10.0
SHOW_SECONDS = 1.0
CLOSE_SECONDS = 2
LAST_SECONDS = 14.0
INTERRUPTED = 130


class Server(uvicorn.Server):
    """Uvicorn, but for its end.

    The first SIGTERM or SIGINT closes the door and lets what is under way finish; the second SIGINT ends the process
    on the spot, which no index minds.
    """

    def __init__(self, config: uvicorn.Config, traffic: Traffic, library: Library) -> None:
        super().__init__(config)
        self._traffic = traffic
        self._library = library
        self._deadline = self._worked = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop, or with the second SIGINT stop."""
        if self._traffic.stopping:
            if sig == signal.SIGINT:
                leave(INTERRUPTED)
            return
        self._traffic.stopping = True
        self._worked = time.monotonic()
        self._deadline = self._worked + FINISH_SECONDS
        last = threading.Timer(LAST_SECONDS, leave, (0,))
        last.daemon = True
        last.start()

    async def on_tick(self, counter: int) -> bool:
        """Go on until nothing is under way any more, or for long enough."""
        if self._traffic.stopping and self._is_done():
            self._traffic.end_streams()
            self.should_exit = True
        return await super().on_tick(counter)

    def _is_done(self) -> bool:
        now = time.monotonic()
        if self._traffic.under_way or self._library.leases:
            self._worked = now
            return now > self._deadline
        return now >= self._worked + (SHOW_SECONDS if self._traffic.streams else 0)


def run(config: uvicorn.Config, library: Library, traffic: Traffic, listener: socket.socket) -> None:
    """Serve until a signal says stop; returns when nothing is left to do, else ends the process with 0."""
    config.timeout_graceful_shutdown = CLOSE_SECONDS
    Server(config, traffic, library).run(sockets=[listener])
    # By now a second SIGTERM has nothing left to stop.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, lambda *_: leave(INTERRUPTED))
    job = next((job for job in library.jobs() if not job.is_over), None)
    logger.info("stopped", extra={"abandoned_build": job.id if job else None})
    if job is not None or library.leases:
        # A thread cannot be told to stop, and Python would wait for it or tear it down in the middle of C code.
        # The next build removes what this one leaves behind.
        leave(0)


def leave(code: int) -> None:
    """End the process at once; no thread is waited for."""
    remove_uploads()
    logging.shutdown()
    os._exit(code)
