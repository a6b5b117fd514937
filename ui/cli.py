"""`footnote …`: every command, its options and its exit code; `ui/terminal.py` shows what they find.

Whatever is slow to load is imported inside the command that needs it, so that `--help` is not slow.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import indexer
from indexer.errors import FootnoteError, IndexBusyError, NothingToIndexError, ShrinkRefusedError, UsageError
from indexer.settings import Settings, load_settings
from ui import terminal

if TYPE_CHECKING:
    from indexer.build import BuildReport
    from indexer.embedding import Embedder
    from indexer.generation import Generation
    from qa.answer import Answerer
    from qa.library import Library
    from qa.retrieval import Filters

NO_LONGER_HOLDS, SKIPPED = 1, 3
WATCH_SECONDS = 2.0
GRACE_SECONDS = 10
ANSWER_WANTED = "Give what `footnote ask --json` or POST /v1/answer gave."

app = typer.Typer(cls=terminal.Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

CorpusOption = Annotated[
    Path | None, typer.Option("--corpus", metavar="DIR", help="The folder of articles; else the setting, else corpus/.")
]
IndexOption = Annotated[
    Path | None, typer.Option("--index", metavar="DIR", help="The folder of the index; else the setting, else index/.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", callback=terminal.remember_json, help="Print JSON, and nothing else, on stdout.")
]
DAY = {"formats": ["%Y-%m-%d"], "metavar": "DATE"}


def main() -> None:
    """Run the command line."""
    app()


def _print_version(value: bool) -> None:
    if value:
        terminal.show(f"footnote {indexer.__version__}")
        raise typer.Exit


@app.callback()
def _footnote(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an unforeseen error.")] = False,
) -> None:
    """Answers from a folder of articles; every sentence is a quotation you can check."""


@app.command()
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
    embedder = _embedder(settings)

    def rebuild() -> "BuildReport":
        report = _build(settings, embedder, allow_shrink=allow_shrink)
        if as_json:
            terminal.write_json(report.to_dict())
        else:
            terminal.show_report(report)
        return report

    if watch:
        _watch(settings.corpus, rebuild, as_json=as_json)
    elif rebuild().problems and strict:
        raise typer.Exit(SKIPPED)


def _build(settings: Settings, embedder: "Embedder", *, allow_shrink: bool = False) -> "BuildReport":
    from indexer.build import build

    with terminal.build_display() as display:
        return build(settings, embedder, allow_shrink=allow_shrink, progress=display)


def _embedder(settings: Settings) -> "Embedder":
    from indexer.embedding import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(settings.embedder, languages=settings.embedder_languages)


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


@app.command()
def serve(
    corpus: CorpusOption = None,
    index_folder: IndexOption = None,
    host: Annotated[str | None, typer.Option("--host", help="A loopback address; else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="0 takes a free one; else 8000.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the page and the API; first builds the index if it is missing or stale."""
    settings = load_settings({"corpus": corpus, "index": index_folder, "host": host, "port": port})
    from qa.guard import check_host

    check_host(settings)
    # Taken first: a busy port should be known before the model is loaded.
    with _listening(settings.host, settings.port) as listener:
        embedder = _embedder(settings)
        _attempt(lambda: terminal.show_report(_build(settings, embedder), on_stderr=True))
        import uvicorn

        from qa.api import create_app
        from qa.library import Library
        from ui.web import mount_page

        library = Library(settings, embedder)
        _attempt(library.open)
        page = mount_page(create_app(library, settings), library, settings)
        _announce(library, listener, as_json=as_json)
        # uvicorn ends its work and then sends itself the signal again: by then there is nothing left to stop.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        config = uvicorn.Config(page, log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS)
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(
            f"Cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}.",
            advice="Stop what uses it, or choose another with `--port` (0 takes a free one).",
        ) from error


def _attempt(step: Callable[[], object]) -> None:
    """Take a step that serving can do without: an index that cannot be rebuilt may still be served, or mended there."""
    try:
        step()
    except FootnoteError as error:
        terminal.report_error(error)


def _announce(library: "Library", listener: socket.socket, *, as_json: bool) -> None:
    host = library.settings.host
    address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    generation = library.generation if library.is_open else None
    if as_json:
        terminal.write_json({"address": address, "generation": generation.id if generation else None})
        return
    from ui.examples import example_questions

    answerer = library.answerer if generation else None
    examples = (example_questions(answerer, "en") or example_questions(answerer, "ko")) if answerer else []
    terminal.announce(address, generation, examples)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    index_folder: IndexOption = None,
    published_from: Annotated[datetime | None, typer.Option("--from", help="Published then or later.", **DAY)] = None,
    published_to: Annotated[datetime | None, typer.Option("--to", help="Published then or before.", **DAY)] = None,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only from this source; repeatable.")] = None,
    language: Annotated[list[str] | None, typer.Option(metavar="CODE", help="Only in en or ko; repeatable.")] = None,
    top_k: Annotated[int, typer.Option(min=1, max=50, help="How many passages --json lists.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Ask a question: prints quotations and where each stands, or that the articles don't say."""
    settings = load_settings({"index": index_folder})
    if not question.strip() or len(question) > settings.max_question_chars:
        raise UsageError(f"A question has 1 to {settings.max_question_chars:,} characters.")
    filters = _filters(published_from, published_to, source or [], language or [])
    answer = _answerer(settings).answer(question, filters=filters, top_k=top_k)
    if as_json:
        from qa.schemas import AnswerBody

        terminal.write_json(AnswerBody.of(answer).model_dump(mode="json"))
    else:
        terminal.show_answer(answer)


def _filters(start: datetime | None, end: datetime | None, sources: list[str], languages: list[str]) -> "Filters":
    from qa.retrieval import Filters

    if start and end and start > end:
        raise UsageError("--from is after --to.", advice="Swap them.")
    return Filters(start and start.date(), end and end.date(), tuple(sources), tuple(languages))


def _answerer(settings: Settings) -> "Answerer":
    from qa.answer import Answerer

    # Opened before the model is loaded: what is missing or damaged is then known at once.
    generation = _open(settings)
    embedder = _embedder(settings)
    if embedder.info.sha256 != generation.manifest.embedder.sha256:
        generation = _open(settings, embedder)
    return Answerer(generation, embedder, settings)


def _open(settings: Settings, embedder: "Embedder | None" = None) -> "Generation":
    from indexer.generation import Store

    generation = Store(settings.index).open(expect=embedder.info if embedder else None)
    if generation.degraded:
        terminal.say(f"{generation.degraded}. Run `footnote index`.", label="note: ", style="yellow")
    return generation


@app.command()
def articles(index_folder: IndexOption = None, as_json: JsonOption = False) -> None:
    """List the articles of the index."""
    generation = _open(load_settings({"index": index_folder}))
    listed = [generation.articles[article_id] for article_id in sorted(generation.articles)]
    if as_json:
        from qa.catalogue import ArticleBody

        bodies = [ArticleBody.of(article).model_dump(mode="json") for article in listed]
        terminal.write_json({"generation": generation.id, "articles": bodies})
    else:
        terminal.show_articles(listed)


@app.command(name="eval")
def evaluate(
    questions: Annotated[Path, typer.Argument(metavar="QUESTIONS.jsonl", help="One question a line.")],
    index_folder: IndexOption = None,
    save: Annotated[Path | None, typer.Option(metavar="BASELINE", help="Write the figures here as well.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask every question of a file and print how good the answers are, each figure with its 95 % interval."""
    settings = load_settings({"index": index_folder})
    from qa.evaluation import evaluate, load_questions

    asked = load_questions(questions)
    answerer = _answerer(settings)
    with terminal.counter("asking") as progress:
        evaluation = evaluate(asked, answerer, progress=progress)
    figures = evaluation.to_dict()
    if save:
        save.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if as_json:
        terminal.write_json(figures)
    else:
        terminal.show_figures(evaluation)


@app.command()
def verify(
    answer: Annotated[
        str | None, typer.Argument(metavar="[ANSWER.json]", help="An answer as JSON, or - for stdin; none: the index.")
    ] = None,
    index_folder: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every byte of the index; or, given an answer, whether its quotations still stand in the articles."""
    settings = load_settings({"index": index_folder})
    if answer is None:
        _report(terminal.index_checks(settings), as_json=as_json)
    else:
        _verify_citations(settings, _read_citations(answer), as_json=as_json)


def _read_citations(name: str) -> list[dict[str, Any]]:
    """Read the citations of what `ask --json` or the API gave, from a file or, for "-", from stdin."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not JSON: {error}.", advice=ANSWER_WANTED) from error
    citations = body.get("citations") if isinstance(body, dict) else body
    if not isinstance(citations, list) or not all(isinstance(citation, dict) for citation in citations):
        raise UsageError(f"{name} holds no list of citations.", advice=ANSWER_WANTED)
    return citations


def _verify_citations(settings: Settings, citations: list[dict[str, Any]], *, as_json: bool) -> None:
    """Look each quotation up in the articles of the index; exit with 1 if one no longer stands there."""
    from pydantic import ValidationError

    from qa import citations as receipts
    from qa.requests import VerifyRequest
    from qa.schemas import VerifyBody

    generation = _open(settings)
    results = []
    for citation in citations:
        fields = {name: value for name, value in citation.items() if name in VerifyRequest.model_fields}
        try:
            wanted = VerifyRequest.model_validate(fields)
        except ValidationError as error:
            wrong = ", ".join(str(problem["loc"][0]) for problem in error.errors() if problem["loc"])
            raise UsageError(f"A citation is not as answers give it (see {wrong}).", advice=ANSWER_WANTED) from error
        article = generation.articles.get(wanted.article_id)
        verification = receipts.verify(
            article,
            cited_text=wanted.cited_text,
            start=wanted.start_char_index,
            end=wanted.end_char_index,
            prefix=wanted.prefix,
            suffix=wanted.suffix,
        )
        results.append((wanted, VerifyBody.of(verification, article=article, generation=generation.id)))
    if as_json:
        bodies = [{"article_id": wanted.article_id, **body.model_dump(mode="json")} for wanted, body in results]
        terminal.write_json({"generation": generation.id, "citations": bodies})
    else:
        for wanted, body in results:
            terminal.show_verdict(body, wanted.article_id, wanted.cited_text)
    if any(body.verdict in ("changed", "missing") for _, body in results):
        raise typer.Exit(NO_LONGER_HOLDS)


def _report(checks: Iterable[terminal.Check], *, as_json: bool) -> None:
    """Show checks as they come, and exit with the code of the first that failed."""
    done = []
    for check in checks:
        done.append(check)
        if not as_json:
            terminal.show_check(check)
    failed = [check for check in done if check.state == "fail"]
    if as_json:
        terminal.write_json({"ok": not failed, "checks": [check.to_dict() for check in done]})
    if failed:
        raise typer.Exit(failed[0].exit_code)


@app.command()
def rollback(index_folder: IndexOption = None, as_json: JsonOption = False) -> None:
    """Go back to the generation before the current one; nothing is deleted."""
    settings = load_settings({"index": index_folder})
    from indexer.generation import Store

    generation = Store(settings.index).rollback()
    if as_json:
        terminal.write_json({"generation": generation})
    else:
        terminal.show(f"{generation} is the current generation now. The next `footnote index` builds from it.")


@app.command()
def doctor(corpus: CorpusOption = None, index_folder: IndexOption = None, as_json: JsonOption = False) -> None:
    """Check everything Footnote needs on this machine, and say how to mend what is wrong."""
    settings = load_settings({"corpus": corpus, "index": index_folder})
    _report(terminal.machine_checks(settings, lambda: _embedder(settings)), as_json=as_json)
