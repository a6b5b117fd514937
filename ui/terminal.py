"""What a terminal shows: results on stdout, everything else on stderr, and JSON alone on stdout when asked for.

Texts of articles may hold anything, so what could steer a terminal is replaced before it is shown.
"""

import json
import os
import shutil
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text
from typer.core import TyperGroup

from indexer.errors import FootnoteError, IndexMissingError, StorageError
from indexer.settings import Settings
from ui.texts import ENGLISH, KOREAN, Words, written_date

if TYPE_CHECKING:
    from indexer.articles import Article
    from indexer.build import BuildProgress, BuildReport
    from indexer.corpus import Problem
    from indexer.embedding import Embedder
    from indexer.generation import Generation
    from qa.answer import Answer
    from qa.citations import Citation
    from qa.evaluation import Evaluation
    from qa.schemas import VerifyBody

JSON = "footnote.json"
# Plain lines, where there is no terminal to redraw, come at most this often within one stage.
LINE_SECONDS = 5.0
INTERRUPTED = 130

# From here on, 3.11 reads untrusted HTML and zip files safely.
SAFE_311 = (3, 11, 14)
SPARE_BYTES = 500 * 2**20
# Switched on, each of these would make a library we use reach for the network.
ONLINE_VARIABLES = ("GRADIO_SHARE", "GRADIO_ANALYTICS_ENABLED")

# Controls, what turns the direction of writing, what cannot be seen; soft hyphens and joiners are part of texts.
UNSAFE = frozenset({"Cc", "Cf", "Cs"})
HARMLESS = frozenset("\n\t\u00ad\u200b\u200c\u200d\u2060\ufeff")


class Commands(TyperGroup):
    """The commands, with one way out of every error: what happened, what to do, and the exit code."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer keeps its context to itself
        """Run the command; `--debug` lets a traceback through."""
        try:
            return super().invoke(ctx)
        except FootnoteError as error:
            failure = error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough; Python must not complain about it when it exits.
            sys.stdout = None
            raise typer.Exit(0) from None
        except OSError as error:
            failure = StorageError(f"{error.filename or 'The system'}: {error.strerror or error}.")
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug") or type(error).__module__.startswith("typer"):
                raise
            failure = FootnoteError(
                f"Something failed that we did not foresee ({type(error).__name__}: {error}).",
                advice="Run `footnote --debug …` to see where, and report it.",
            )
        report_error(failure, as_json=bool(ctx.meta.get(JSON)))
        raise typer.Exit(failure.exit_code) from failure


def remember_json(ctx: typer.Context, value: bool) -> bool:
    """Note that this run speaks JSON, for errors as well."""
    ctx.meta[JSON] = value
    return value


def write_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """Write one JSON document on one line of stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def report_error(error: FootnoteError, *, as_json: bool = False) -> None:
    """One line says what happened, the next what to do."""
    if as_json:
        write_json({"error": {"code": error.code, "message": error.message, "advice": error.advice}})
    say(error.message, style="bold red", label="error: ")
    if error.advice:
        say(error.advice)


def say(message: str, *, style: str = "", label: str = "") -> None:
    """Write a line for people on stderr."""
    _console(error=True).print(Text(label, style=style) + Text(clean(message)))


def show(message: str, *, style: str = "", indent: int = 0) -> None:
    """Write a line of the result on stdout."""
    _console().print(Text(" " * indent + clean(message), style=style))


def clean(text: str) -> str:
    """Replace what would steer a terminal or turn the direction of writing; spaces and line ends stay."""
    return "".join("�" if unicodedata.category(mark) in UNSAFE and mark not in HARMLESS else mark for mark in text)


def _console(*, error: bool = False) -> Console:
    # Made anew each time: stdout and stderr may have been replaced meanwhile. Soft: lines break where the reader's do.
    return Console(stderr=error, soft_wrap=True, highlight=False, markup=False, emoji=False)


# ---------------------------------------------------------------- building


class BuildDisplay:
    """Follows a build: a bar with the time left on a terminal, plain lines elsewhere."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", left="")
        self._stage = ""
        self._next_line = 0.0

    def __call__(self, progress: "BuildProgress") -> None:
        """Show how far the build is."""
        entered, self._stage = progress.stage != self._stage, progress.stage
        stage = str(getattr(ENGLISH, f"stage_{progress.stage}", progress.stage))
        left = f"{progress.eta_s:.0f} s left" if progress.eta_s is not None and progress.done < progress.total else ""
        total = progress.total or None
        self._bar.update(self._task, description=stage, completed=progress.done, total=total, left=left)
        if self._bar.disable and (entered or time.monotonic() >= self._next_line):
            self._next_line = time.monotonic() + LINE_SECONDS
            say(", ".join(part for part in (stage, f"{progress.done}/{progress.total}" if total else "", left) if part))


@contextmanager
def build_display() -> Iterator[BuildDisplay]:
    """Show a build on stderr while the block runs."""
    console = _console(error=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield BuildDisplay(bar)


@contextmanager
def counter(label: str) -> Iterator[Callable[[int, int], None]]:
    """Count on stderr while the block runs; on a terminal only."""
    console = _console(error=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_report(report: "BuildReport", *, on_stderr: bool = False) -> None:
    """Sum up a build: what is in the index, what was new, and which files could not be used."""
    write = say if on_stderr else show
    show_problems(report.problems)
    if not report.committed:
        write(f"Nothing changed: {report.generation} is up to date.")
        return
    write(
        f"{report.generation}: {_count(report.counts.articles, 'article')} "
        f"({len(report.new)} new, {len(report.changed)} changed, {len(report.gone)} gone), "
        f"{_count(report.counts.passages, 'passage')} ({report.passages_embedded} embedded, "
        f"{report.passages_reused} reused) in {sum(report.seconds.values()):.1f} s."
    )


def show_problems(problems: "Sequence[Problem]") -> None:
    """List the files that are no articles, each with its reason."""
    for problem in problems:
        reason = str(getattr(ENGLISH, f"reason_{problem.code}", problem.code))
        say(f"{problem.path}: {reason}. {problem.detail}", label="not used: ", style="yellow")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


# ---------------------------------------------------------------- answers


def show_answer(answer: "Answer") -> None:
    """Show an answer and where each of its sentences stands, or that the articles don't say."""
    from indexer.language import detect_language

    words = KOREAN if detect_language(answer.question) == "ko" else ENGLISH
    if answer.outcome == "not_in_articles":
        show(words.not_in_articles, style="bold")
        _show_closest(answer, words)
    else:
        show(answer.text, style="bold")
        for citation in answer.citations:
            _show_citation(citation, words)
    for warning in answer.warnings:
        say(warning_in(words, warning), label="note: ", style="yellow")


def _show_citation(citation: "Citation", words: Words) -> None:
    show("")
    show(f"[{citation.index}] {citation.title}", style="cyan")
    published = written_date(words, citation.published) if citation.published else words.date_unknown
    show(" · ".join(part for part in (citation.source, published, citation.url) if part), indent=4)
    show(f"“{citation.cited_text}”", indent=4)
    checked = "" if citation.verified else f" · {words.not_verified}"
    show(f"{citation.article_id}:{citation.start}-{citation.end}{checked}", indent=4, style="dim")


def _show_closest(answer: "Answer", words: Words) -> None:
    if answer.evidence:
        best = answer.evidence[0]
        article, start, end = best.article, best.sentence.start, best.sentence.end
    elif answer.hits:
        hit = answer.hits[0]
        article, start, end = hit.article, hit.passage.start, hit.passage.end
    else:
        return
    show("")
    show(words.closest)
    show(f"“{article.quote(start, end)}”", indent=4)
    show(f"{article.title} · {article.id}:{start}-{end}", indent=4, style="dim")


def warning_in(words: Words, code: str) -> str:
    """Say a warning in words; one without words stays its code."""
    return str(getattr(words, f"warning_{code}", code.replace("_", " ")))


# ---------------------------------------------------------------- lists


def show_articles(articles: Sequence["Article"]) -> None:
    """List articles: date, language, title, source, id."""
    for article in articles:
        published = article.published.isoformat() if article.published else "date unknown"
        show(f"{published:<12}  {article.language:<3}  {article.title}")
        show(" · ".join(part for part in (article.source, article.id) if part), indent=19, style="dim")
    show(_count(len(articles), "article"))


def show_figures(evaluation: "Evaluation") -> None:
    """List the figures with their 95 % intervals."""
    for name, figure in evaluation.figures.items():
        if figure.value is None or figure.low is None or figure.high is None:
            show(f"{name:<20} –")
        else:
            digits = 0 if name.endswith("_ms") else 3
            show(f"{name:<20} {figure.value:8.{digits}f}   [{figure.low:.{digits}f}, {figure.high:.{digits}f}]")
    show(f"{_count(len(evaluation.outcomes), 'question')}; in brackets the bootstrap 95 % interval")


def show_verdict(verdict: "VerifyBody", article_id: str, quote: str) -> None:
    """One line on what became of a quotation."""
    where = "" if verdict.start_char_index is None else f":{verdict.start_char_index}-{verdict.end_char_index}"
    show(f"{verdict.verdict:<8} {article_id}{where}  “{quote}”")


def announce(address: str, generation: "Generation | None", examples: Sequence[str]) -> None:
    """Say where the page is, and what could be asked first."""
    if generation is None:
        show(f"Footnote is at {address}; add articles in its Library and press Rebuild.")
    else:
        show(f"Footnote answers from {_count(len(generation.articles), 'article')} ({generation.id}) at {address}")
        title = next(iter(generation.articles.values())).title
        show(f"Try: {examples[0] if examples else f'What do the articles say about {title}?'}")
    say("Stop with Ctrl-C.")


# ---------------------------------------------------------------- check-ups


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
    _console().print(Text(f"{check.state:<5}", style=style) + Text(clean(f"{check.name}: {check.detail}")))
    if check.fix:
        show(f"→ {check.fix}", indent=5)


def index_checks(settings: Settings) -> Iterator[Check]:
    """Check every byte of every generation; raises IndexMissingError when there is none."""
    from indexer.generation import Store
    from indexer.opening import read_generation

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
            yield Check(name, "ok", f"{role}; {files} files as their manifest says; {_count(passages, 'passage')}")
        except FootnoteError as error:
            yield Check(name, "fail", f"{role}; {error.message}", error.advice or "Run `footnote index`.", 5)


def machine_checks(settings: Settings, load: Callable[[], "Embedder"]) -> Iterator[Check]:
    """Check whatever Footnote needs: Python, model, articles, index, disk, and that nothing reaches for the network."""
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
    detail = f"{_count(len(found.files), 'article')} in {settings.corpus}"
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
