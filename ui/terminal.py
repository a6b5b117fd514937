"""What a terminal shows: results on stdout, everything else on stderr, and JSON alone on stdout when asked for.

Texts of articles may hold anything, so what could steer a terminal is replaced before it is shown.
"""

import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text
from typer.core import TyperGroup

from indexer.errors import FootnoteError, StorageError
from ui.texts import ENGLISH

if TYPE_CHECKING:
    from indexer.build import BuildProgress, BuildReport
    from indexer.corpus import Problem
    from indexer.generation import Generation

JSON = "footnote.json"
# Plain lines, where there is no terminal to redraw, come at most this often within one stage.
LINE_SECONDS = 5.0
INTERRUPTED = 130

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
    """Write one JSON document on one line of stdout; what could steer a terminal is written as an escape."""
    document = json.dumps(value, ensure_ascii=False, allow_nan=False)
    typer.echo("".join(json.dumps(mark)[1:-1] if _steers(mark) else mark for mark in document))


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


def show(message: str, *, style: str = "", indent: int = 0, label: str = "", label_style: str = "") -> None:
    """Write a line of the result on stdout, behind its label."""
    _console().print(Text(" " * indent) + Text(clean(label), style=label_style) + Text(clean(message), style=style))


def clean(text: str) -> str:
    """Replace what would steer a terminal or turn the direction of writing; spaces and line ends stay."""
    return "".join("�" if _steers(mark) else mark for mark in text)


def inline(text: str) -> str:
    """The same on one line: a name of a file that holds a line end must not look like a line of ours."""
    return clean(text).replace("\n", "�")


def _steers(mark: str) -> bool:
    return unicodedata.category(mark) in UNSAFE and mark not in HARMLESS


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
        f"{report.generation}: {count(report.counts.articles, 'article')} "
        f"({len(report.new)} new, {len(report.changed)} changed, {len(report.gone)} gone), "
        f"{count(report.counts.passages, 'passage')} ({report.passages_embedded} embedded, "
        f"{report.passages_reused} reused) in {sum(report.seconds.values()):.1f} s."
    )


def show_problems(problems: "Sequence[Problem]") -> None:
    """List the files that are no articles, each with its reason."""
    for problem in problems:
        reason = str(getattr(ENGLISH, f"reason_{problem.code}", problem.code))
        say(f"{inline(problem.path)}: {reason}. {problem.detail}", label="not used: ", style="yellow")


def count(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def announce(address: str, generation: "Generation | None", examples: Sequence[str], *, hint: bool = True) -> None:
    """Say where the page is, and what could be asked first; with `hint`, on stderr how to stop."""
    if generation is None:
        show(f"Footnote is at {address}; add articles in its Library and press Rebuild.")
    else:
        show(f"Footnote answers from {count(len(generation.articles), 'article')} ({generation.id}) at {address}")
        title = next(iter(generation.articles.values())).title
        show(f"Try: {examples[0] if examples else f'What do the articles say about {title}?'}")
    if hint:
        say("Stop with Ctrl-C.")
