"""`footnote verify`, `footnote doctor` and `footnote rollback`: is the index whole, do quotations still stand?

Whatever is slow to load is imported inside the command that needs it, so that `--help` is not slow.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import typer

from indexer.errors import FootnoteError, IndexMissingError, UsageError
from indexer.settings import Settings, load_settings
from ui import terminal
from ui.options import CorpusOption, IndexOption, JsonOption, load_embedder, open_generation

if TYPE_CHECKING:
    from indexer.embedding import Embedder

NO_LONGER_HOLDS = 1
ANSWER_WANTED = "Give what `footnote ask --json` or POST /v1/answer gave."
# From here on, 3.11 reads untrusted HTML and zip files safely.
SAFE_311 = (3, 11, 14)
SPARE_BYTES = 500 * 2**20
# Switched on, each of these would make a library we use reach for the network.
ONLINE_VARIABLES = ("GRADIO_SHARE", "GRADIO_ANALYTICS_ENABLED")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: how it is, how to mend it, and the exit code when it fails."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    fix: str = ""
    exit_code: int = 0

    @classmethod
    def failed(cls, name: str, error: FootnoteError) -> Self:
        """A check that met an error."""
        return cls(name, "fail", error.message, error.advice or "See docs/operations.md.", error.exit_code)

    def to_dict(self) -> dict[str, str]:
        """The machine's form."""
        return {"name": self.name, "state": self.state, "detail": self.detail, "fix": self.fix}


def show_check(check: Check) -> None:
    """One line for a check, and one more for what to do."""
    style = {"ok": "green", "warn": "yellow", "fail": "bold red"}[check.state]
    terminal.show(f"{check.name}: {check.detail}", label=f"{check.state:<5}", label_style=style)
    if check.fix:
        terminal.show(f"→ {check.fix}", indent=5)


def index_checks(settings: Settings) -> Iterator[Check]:
    """Check every byte of every generation; raises IndexMissingError when there is none."""
    from indexer.generation import Store
    from indexer.opening import read_generation

    if settings.store is not None:
        yield _store_check(settings)
        return
    store = Store(settings.index)
    names, current = store.names(), store.current_id()
    if not names:
        raise IndexMissingError(f"There is no index in {settings.index}.", advice="Run `footnote index` to build it.")
    if current not in names:
        yield Check("CURRENT", "fail", "names no generation that is there", "Run `footnote index`.", 5)
    for name in names:
        role = "current" if name == current else "older"
        try:
            with closing(read_generation(settings.index / name, name)) as generation:
                files, passages = len(generation.manifest.files), len(generation.passages)
            yield Check(
                name, "ok", f"{role}; {files} files as their manifest says; {terminal.count(passages, 'passage')}"
            )
        except FootnoteError as error:
            yield Check(name, "fail", f"{role}; {error.message}", error.advice or "Run `footnote index`.", 5)


def machine_checks(settings: Settings, load: Callable[[], "Embedder"]) -> Iterator[Check]:
    """Check whatever Footnote needs: Python, model, articles, index, disk, rights, and what reaches for the network."""
    version = sys.version_info[:3]
    fix = "Take 3.11.14 or later, or 3.12: they read hostile HTML and zip files safely." if version < SAFE_311 else ""
    yield Check("python", "warn" if fix else "ok", ".".join(map(str, version)), fix)
    try:
        model = load().info
        yield Check("model", "ok", f"{model.id}, {model.dim} dimensions, SHA-256 {model.sha256[:12]}… as it should be")
        yield Check("processor", "ok", f"{os.cpu_count()} cores; the model computes in {model.dtype}")
    except FootnoteError as error:
        yield Check.failed("model", error)
    yield _corpus_check(settings)
    try:
        yield from index_checks(settings)
    except IndexMissingError as error:
        yield Check("index", "warn", error.message, error.advice)
    yield _disk_check(settings.index)
    yield _rights_check(settings.index)
    online = [name for name in ONLINE_VARIABLES if os.environ.get(name, "").lower() in ("1", "true")]
    fix = f"Unset {', '.join(online)}." if online else ""
    yield Check(
        "offline", "fail" if fix else "ok", "asked to go online" if fix else "nothing asks for the network", fix, 2
    )


def _corpus_check(settings: Settings) -> Check:
    from indexer.corpus import scan

    try:
        found = scan(settings.corpus, max_bytes=settings.max_file_mb * 2**20, exclude=[settings.index])
    except FootnoteError as error:
        return Check.failed("corpus", error)
    detail = f"{terminal.count(len(found.files), 'article')} in {settings.corpus}"
    if not found.files:
        return Check("corpus", "fail", detail, "Put articles there, or name another folder with --corpus.", 4)
    if found.problems:
        unused = ", ".join(f"{problem.path} ({problem.code})" for problem in found.problems[:3])
        return Check("corpus", "warn", f"{detail}; not used: {unused}", "`footnote index` lists each with its reason.")
    return Check("corpus", "ok", detail)


def _disk_check(folder: Path) -> Check:
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    detail = f"{free / 2**30:.1f} GiB free, the index takes {used / 2**20:.1f} MiB"
    if free < max(2 * used, SPARE_BYTES):
        return Check("disk", "warn", detail, "Free some: a rebuild needs room for another index beside this one.")
    return Check("disk", "ok", detail)


def _rights_check(folder: Path) -> Check:
    if os.geteuid() == 0:
        return Check("rights", "warn", "this is root", "Run Footnote as a user of its own; it needs no rights.")
    if folder.is_dir() and folder.stat().st_mode & 0o077:
        return Check(
            "rights", "warn", f"others may look into {folder}", f"Run `chmod 700 {folder}`, unless they should."
        )
    return Check("rights", "ok", "the index is for its owner alone")


# ---------------------------------------------------------------- the commands


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
        _report(index_checks(settings), as_json=as_json)
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

    generation = open_generation(settings)
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
        from ui import reports

        for wanted, body in results:
            reports.show_verdict(body, wanted.article_id, wanted.cited_text)
    if any(body.verdict in ("changed", "missing") for _, body in results):
        raise typer.Exit(NO_LONGER_HOLDS)


def _report(checks: Iterable[Check], *, as_json: bool) -> None:
    """Show checks as they come, and exit with the code of the first that failed."""
    done = []
    for check in checks:
        done.append(check)
        if not as_json:
            show_check(check)
    failed = [check for check in done if check.state == "fail"]
    if as_json:
        terminal.write_json({"ok": not failed, "checks": [check.to_dict() for check in done]})
    if failed:
        raise typer.Exit(failed[0].exit_code)


def _store_check(settings: Settings) -> Check:
    from indexer.stores import store_of

    counts = store_of(settings).open().manifest.counts
    held = f"{terminal.count(counts.articles, 'article')}, {terminal.count(counts.passages, 'passage')}"
    return Check("store", "ok", f"{settings.store} can be read; {held}; its bytes are checked by whoever keeps them")


def rollback(index_folder: IndexOption = None, as_json: JsonOption = False) -> None:
    """Go back to the generation before the current one; nothing is deleted."""
    settings = load_settings({"index": index_folder})
    from indexer.stores import store_of

    generation = store_of(settings).rollback()
    if as_json:
        terminal.write_json({"generation": generation})
    else:
        terminal.show(f"{generation} is the current generation now. The next `footnote index` builds from it.")


def doctor(corpus: CorpusOption = None, index_folder: IndexOption = None, as_json: JsonOption = False) -> None:
    """Check everything Footnote needs on this machine, and say how to mend what is wrong."""
    settings = load_settings({"corpus": corpus, "index": index_folder})
    _report(machine_checks(settings, lambda: load_embedder(settings)), as_json=as_json)
