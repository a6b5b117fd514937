"""Any app on a free port of this machine, with the limits of `footnote serve`."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import uvicorn
from fastapi import FastAPI

from indexer.settings import Settings
from qa.guard.connections import server_options


def serving_app(app: FastAPI) -> AbstractContextManager[str]:
    """Serve an app and yield its address."""
    return serving_made(lambda port: app)


@contextmanager
def serving_made(make: Callable[[int], FastAPI]) -> Iterator[str]:
    """Serve the app that is made for a free port and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        options = {"log_level": "warning", "timeout_graceful_shutdown": 5, **server_options(Settings())}
        server = uvicorn.Server(uvicorn.Config(make(port), **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + 10
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(15)
