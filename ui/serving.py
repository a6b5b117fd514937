"""`footnote index` and `footnote serve`: building the index, and serving the page and the API.

Whatever is slow to load is imported inside the command that needs it, so that `--help` is not slow.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.errors import FootnoteError, IndexBusyError, NothingToIndexError, ShrinkRefusedError, UsageError
from indexer.settings import Settings, load_settings
from ui import terminal
from ui.options import CorpusOption, IndexOption, JsonOption, load_embedder

if TYPE_CHECKING:
    from indexer.build import BuildReport
    from indexer.embedding import Embedder
    from qa.library import Library

SKIPPED = 3
WATCH_SECONDS = 2.0


def index(
    corpus: CorpusOption = None,
    index_folder: IndexOption = None,
    allow_shrink: Annotated[bool, typer.Option("--allow-shrink", help="Let many articles go at once.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if a file could not be used.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and rebuild whenever the folder changes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the index of the articles, or bring it up to date; only what is new or changed is embedded."""
    settings = load_settings({"corpus": corpus, "index": index_folder})
    if not watch:
        from indexer.stores import store_of

        # Known before the model is loaded, which takes seconds.
        store_of(settings).refuse_if_busy()
    embedder = load_embedder(settings)

    def rebuild() -> "BuildReport":
        report = build_index(settings, embedder, allow_shrink=allow_shrink)
        if as_json:
            terminal.write_json(report.to_dict())
        else:
            terminal.show_report(report)
        return report

    if watch:
        _watch(settings.corpus, rebuild, as_json=as_json)
    elif rebuild().problems and strict:
        raise typer.Exit(SKIPPED)


def build_index(settings: Settings, embedder: "Embedder", *, allow_shrink: bool = False) -> "BuildReport":
    """Bring the index up to date, showing on stderr how far it is."""
    from indexer.stores import build

    with terminal.build_display() as display:
        return build(settings, embedder, allow_shrink=allow_shrink, progress=display)


def _watch(corpus: Path, rebuild: Callable[[], object], *, as_json: bool) -> None:
    """Rebuild at first, then after each change; what changes while it is read is read again."""
    built: object = None
    with suppress(KeyboardInterrupt):
        while True:
            if (now := _listing(corpus)) != built:
                built = now
                try:
                    rebuild()
                except (IndexBusyError, NothingToIndexError, ShrinkRefusedError) as error:
                    terminal.report_error(error, as_json=as_json)
                terminal.say(f"Watching {corpus}; stop with Ctrl-C.")
            time.sleep(WATCH_SECONDS)


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    listing = []
    for path in sorted(folder.rglob("*")):
        with suppress(OSError):
            stat = path.stat()
            listing.append((str(path), stat.st_size, stat.st_mtime_ns))
    return listing


def serve(
    corpus: CorpusOption = None,
    index_folder: IndexOption = None,
    host: Annotated[str | None, typer.Option("--host", help="An address to serve on; else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="0 takes a free one; else 8000.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the page and the API; first builds the index if it is missing or stale."""
    settings = load_settings({"corpus": corpus, "index": index_folder, "host": host, "port": port})
    from qa import memory
    from qa.guard import check_host

    # Before the first thread, and the first million objects.
    memory.keep_small()
    memory.collect_seldom()
    check_host(settings)
    # Taken first: a busy port should be known before the model is loaded.
    with _listening(settings.host, settings.port) as listener:
        from qa import logs

        for_people = logs.configure(settings.log_format) == "text"
        # Seconds of imports while the model and the index are read; no daemon, which Python would end in their midst.
        threading.Thread(target=_import_page, name="footnote-imports").start()
        library = open_library(settings, load_embedder(settings), for_people=for_people)
        import uvicorn

        from qa.api import create_app
        from qa.guard.connections import server_options
        from ui import stopping
        from ui.page.mount import mount_page

        app = create_app(library, settings)
        page = mount_page(app, library, settings)
        memory.settle()
        _announce(library, listener, as_json=as_json, for_people=for_people)
        config = uvicorn.Config(page, log_config=None, access_log=False, **server_options(settings))
        stopping.run(config, library, app.state.traffic, listener)


def _import_page() -> None:
    import ui.page.mount  # noqa: F401 - for its side effect: it is there when it is asked for


def open_library(settings: Settings, embedder: "Embedder", *, for_people: bool) -> "Library":
    """Bring the index up to date and open it; what cannot be done is told, and serving goes on without it."""
    from qa.library import Library

    library = Library(settings, embedder)
    # What fails here is in the log, and may be mended on the page.
    with suppress(FootnoteError):
        if for_people:
            with terminal.build_display() as display:
                terminal.show_report(library.build(progress=display), on_stderr=True)
        else:
            library.build()
    with suppress(FootnoteError):
        library.open()
    return library


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
        # Connections inherit it. Without it each answer waits 40 ms for the client to acknowledge its headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise UsageError(
            f"Cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}.",
            advice="Stop what uses it, or choose another with `--port` (0 takes a free one).",
        ) from error


def _announce(library: "Library", listener: socket.socket, *, as_json: bool, for_people: bool) -> None:
    host = library.settings.host
    address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    generation = library.generation if library.is_open else None
    if as_json:
        terminal.write_json({"address": address, "generation": generation.id if generation else None})
        return
    from ui.page.examples import example_questions

    examples: list[str] = []
    if generation:
        answerer = library.answerer
        examples = example_questions(answerer, "en", most=1) or example_questions(answerer, "ko", most=1)
    terminal.announce(address, generation, examples, hint=for_people)
