"""What the page shows and does about the library: the status line, the articles, adding files, rebuilding."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from indexer.errors import FootnoteError
from indexer.formats import SUFFIXES
from indexer.generation import Generation
from indexer.settings import Settings
from qa.library import Job, Library
from qa.uploads import AddOutcome
from ui.markup import article_address, date_html, escape
from ui.texts import Words, counted, written_date, written_duration, written_language

logger = logging.getLogger(__name__)

ROWS_SHOWN = 300


def status_html(library: Library, words: Words) -> str:
    """Render the line under the name: how many articles, which index, how old, what waits."""
    waiting = _waiting(library)
    try:
        generation = library.generation
    except FootnoteError as error:
        return f'<p class="fn-status">{escape(explained(error, words))}</p>'
    built = datetime.fromisoformat(generation.manifest.created)
    parts = [
        counted(words, "status_articles", len(generation.articles)),
        words.status_index.format(id=generation.id),
        words.status_built.format(date=written_date(words, built)),
    ]
    line = "".join(f"<span>{escape(part)}</span>" for part in parts)
    if generation.degraded:
        line += f"<strong>{words.status_degraded}</strong>"
    if running_job(library):
        line += f"<strong>{words.status_rebuilding}</strong>"
    elif waiting:
        line += f"<strong>{counted(words, 'status_waiting', waiting)}</strong>"
    return f'<p class="fn-status">{line}</p>'


def explained(error: FootnoteError, words: Words) -> str:
    """Say what is wrong: that there is no index in the visitor's language, the rest as the error says it."""
    return words.no_index if error.code == "index_missing" else str(error)


def _waiting(library: Library) -> int:
    try:
        return library.pending().count
    except FootnoteError:
        return 0


def running_job(library: Library) -> Job | None:
    """The rebuild that is under way, whoever started it."""
    return next((job for job in library.jobs() if not job.is_over), None)


def articles_html(library: Library, words: Words) -> str:
    """Render the table of articles, newest first; those without a date come last."""
    try:
        generation = library.generation
    except FootnoteError as error:
        return f'<p class="fn-note">{escape(explained(error, words))}</p>'
    if not generation.articles:
        return f'<p class="fn-note">{words.no_articles}</p>'
    columns = (words.column_title, words.column_source, words.column_date, words.column_language, words.column_passages)
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    more = ""
    if len(generation.articles) > ROWS_SHOWN:
        more = f'<p class="fn-note">{words.more_articles.format(shown=ROWS_SHOWN, n=len(generation.articles))}</p>'
    rows = "".join(_rows(generation, words))
    return (
        f'<table class="fn-table"><caption class="fn-hidden">{words.library_heading}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"
    )


def _rows(generation: Generation, words: Words) -> list[str]:
    passages = Counter(passage.article_id for passage in generation.passages)
    ordered = sorted(generation.articles.values(), key=lambda article: (article.title, article.id))
    # Stable, so that articles of one date stay in the order of their titles.
    ordered.sort(key=lambda article: -(article.published.toordinal() if article.published else 0))
    rows = []
    for article in ordered[:ROWS_SHOWN]:
        lang = f' lang="{article.language}"' if article.language in ("en", "ko") else ""
        link = f'<a href="{article_address(article, 0, 0)}" target="_blank" rel="noopener"{lang}>'
        cells = (
            (words.column_title, f"{link}{escape(article.title)}</a>"),
            (words.column_source, escape(article.source) if article.source else "–"),
            (words.column_date, date_html(article, words)),
            (words.column_language, escape(written_language(words, article.language))),
            (words.column_passages, str(passages[article.id])),
        )
        rows.append("<tr>" + "".join(f'<td data-label="{label}">{cell}</td>' for label, cell in cells) + "</tr>")
    return rows


def problems_html(library: Library, words: Words) -> str:
    """Render which files of the corpus are no articles, and why."""
    try:
        problems = library.generation.manifest.problems
    except FootnoteError:
        return ""
    if not problems:
        return ""
    items = "".join(
        f"<li><b>{escape(problem.path)}</b> {escape(_reason(problem.code, problem.detail, words))}</li>"
        for problem in problems
    )
    return (
        f'<details class="fn-problems"><summary>{counted(words, "problems", len(problems))}</summary>'
        f"<ul>{items}</ul></details>"
    )


def _reason(code: str, detail: str, words: Words) -> str:
    # The detail is written by the indexer, in English.
    known: str = getattr(words, f"reason_{code}", "")
    return f"{known} ({detail})" if known and detail and words.code == "en" else known or detail


def outcomes_html(outcomes: Sequence[AddOutcome], words: Words) -> str:
    """Render what became of each file that was offered."""
    items = "".join(f'<li class="fn-{outcome.status}">{_outcome(outcome, words)}</li>' for outcome in outcomes)
    hint = f'<p class="fn-note">{words.waiting_hint}</p>' if any(one.needs_rebuild for one in outcomes) else ""
    return f'<div role="status"><ul class="fn-outcomes">{items}</ul>{hint}</div>'


def _outcome(outcome: AddOutcome, words: Words) -> str:
    name = f"<b>{escape(outcome.name)}</b> "
    if outcome.status == "refused":
        return f"{name}{words.add_refused}: {escape(_reason(outcome.reason, outcome.detail, words))}"
    if outcome.status == "already_there":
        return name + words.add_already_there
    if outcome.article_id and outcome.article_id != outcome.name:
        return name + words.add_as.format(name=escape(outcome.article_id))
    return name + words.add_done


def job_html(job: Job | None, words: Words) -> str:
    """Render a rebuild: its stage, a bar and the time left, or how it ended."""
    if job is None:
        return ""
    if job.state == "done":
        return f'<p class="fn-job fn-added" role="status">{_outcome_of(job, words)}</p>'
    if job.state == "failed":
        why = escape(f"{job.message} {job.advice}".strip())
        return f'<p class="fn-job fn-refused" role="status">{words.job_failed} {why}</p>'
    stage: str = getattr(words, f"stage_{job.stage}", "") or job.stage
    parts = [f"{words.job_running}: {escape(stage)}" if stage else words.job_queued]
    if job.total:
        parts.append(words.job_progress.format(done=f"{job.done:,}", total=f"{job.total:,}"))
    if job.eta_s is not None:
        parts.append(words.eta.format(time=written_duration(words, job.eta_s)))
    bar = f' value="{job.fraction:.3f}" max="1"' if job.total else ""
    text = "".join(f"<span>{part}</span>" for part in parts)
    return f'<div class="fn-job"><progress aria-label="{words.job_running}"{bar}></progress><p>{text}</p></div>'


def _outcome_of(job: Job, words: Words) -> str:
    report = job.report or {}
    if not report.get("committed", True):
        return words.job_up_to_date
    changes = {key: len(report.get(key, ())) for key in ("new", "changed", "gone")}
    return f"{words.job_done}: {words.job_changes.format(**changes)}."


def add_hint_html(settings: Settings, words: Words) -> str:
    """Render what may be added."""
    suffixes = ", ".join(sorted(SUFFIXES))
    hint = words.add_hint.format(suffixes=suffixes, n=settings.max_upload_files, mb=settings.max_file_mb)
    return f'<p class="fn-note">{escape(hint)}</p>'


def add_files(library: Library, paths: Sequence[str], words: Words, *, folder: Path) -> str:
    """Put uploaded files into the corpus, remove their copies in the upload folder, and render one line for each."""
    most = library.settings.max_upload_files
    # The browser says which: only what it has uploaded is read, let alone removed.
    uploads = [path for path in map(Path, paths) if path.resolve().is_relative_to(folder.resolve())]
    try:
        if len(uploads) > most:
            return f'<p class="fn-refused" role="status">{words.too_many_files.format(n=most)}</p>'
        return outcomes_html(library.add_articles((path.name, path.read_bytes()) for path in uploads), words)
    except (FootnoteError, OSError) as error:
        logger.warning("Uploaded files could not be added: %s", error)
        return f'<p class="fn-refused" role="status">{words.add_refused}: {escape(_message(error))}</p>'
    finally:
        for path in uploads:
            path.unlink(missing_ok=True)


def _message(error: Exception) -> str:
    return str(error) if isinstance(error, FootnoteError) else type(error).__name__


def filter_choices(library: Library, words: Words) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the sources and the languages of the index, as (shown, value)."""
    try:
        articles: Any = library.generation.articles.values()
    except FootnoteError:
        return [], []
    sources = sorted({article.source for article in articles if article.source})
    languages = sorted({article.language for article in articles})
    return [(name, name) for name in sources], [(written_language(words, code), code) for code in languages]
