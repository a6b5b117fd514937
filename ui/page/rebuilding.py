"""The index as the library shows it: what it is, what waits, how a rebuild goes, and the way back."""

from collections.abc import Sequence
from datetime import datetime

from indexer.errors import FootnoteError
from indexer.generation import Generation, GenerationSummary
from qa.jobs import Job
from qa.library import Library, LibraryState
from qa.shelf import Pending
from ui.page.holdings import explained
from ui.page.markup import escape
from ui.texts import Words, counted, written_date, written_duration

NAMES_SHOWN = 20


def status_html(library: Library, words: Words) -> str:
    """Render the line under the name: how many articles, which index, how old, what waits.

    Its data attributes say what is shown, so that library.js can notice when something has changed.
    """
    state = library.state()
    over = next((job for job in state.jobs if job.is_over), None)
    shown = {
        "version": state.version,
        "generation": state.generation or "",
        "busy": "1" if state.is_busy else "",
        "ended": over.id if over else "",
        "said": ended_text(over, words) if over else "",
    }
    data = " ".join(f'data-{name}="{escape(value)}"' for name, value in shown.items())
    return f'<p class="fn-status" {data}>{_status(library, words, state.is_busy, state.pending.count)}</p>'


def _status(library: Library, words: Words, is_busy: bool, waiting: int) -> str:
    try:
        generation = library.generation
    except FootnoteError as error:
        return f"<span>{escape(explained(error, words))}</span>"
    built = datetime.fromisoformat(generation.manifest.created)
    parts = [
        counted(words, "status_articles", len(generation.articles)),
        words.status_index.format(id=generation.id),
        words.status_built.format(date=written_date(words, built)),
    ]
    line = "".join(f"<span>{escape(part)}</span>" for part in parts)
    if generation.degraded:
        line += f"<strong>{words.status_degraded}</strong>"
    if is_busy:
        line += f"<strong>{words.status_rebuilding}</strong>"
    elif waiting:
        line += f"<strong>{counted(words, 'status_waiting', waiting)}</strong>"
    return line


def index_html(library: Library, words: Words) -> str:
    """Render the index: its state, what waits for a rebuild, and what can be done."""
    state = library.state()
    try:
        about = _about(library.generation, library.previous(), state, words)
    except FootnoteError as error:
        about = _absent(error, state, words)
    head = f'<h2 id="fn-index-title">{words.index_heading}</h2>'
    return f'<section class="fn-index" aria-labelledby="fn-index-title">{head}{about}</section>'


def _about(generation: Generation, previous: GenerationSummary | None, state: LibraryState, words: Words) -> str:
    built = datetime.fromisoformat(generation.manifest.created)
    counts = generation.manifest.counts
    facts = (
        generation.id,
        words.status_built.format(date=written_date(words, built)),
        words.index_counts.format(articles=f"{counts.articles:,}", passages=f"{counts.passages:,}"),
    )
    about = f'<p class="fn-facts">{"".join(f"<span>{escape(fact)}</span>" for fact in facts)}</p>'
    if generation.degraded:
        about += f'<p class="fn-warning">{words.index_degraded}</p><p class="fn-note">{escape(generation.degraded)}</p>'
    waits = state.pending.count
    about += _waiting(state.pending, words)
    is_wanted = bool(waits or generation.degraded)
    return about + _button(words.rebuild, state, is_wanted=is_wanted) + _way_back(previous, state, words)


def _absent(error: FootnoteError, state: LibraryState, words: Words) -> str:
    waits = state.pending.count
    if error.code != "index_missing":
        about = (
            f'<p class="fn-warning">{words.index_broken}</p><p class="fn-note">{escape(explained(error, words))}</p>'
        )
        return about + _button(words.rebuild, state, is_wanted=True)
    if not waits:
        return f'<p class="fn-lead">{words.index_nothing}</p>'
    return f'<p class="fn-lead">{counted(words, "index_ready", waits)}</p>' + _button(
        words.build, state, is_wanted=True
    )


def _waiting(pending: Pending, words: Words) -> str:
    if not pending.count:
        return f'<p class="fn-note fn-fresh">{words.index_up_to_date}</p>'
    groups = ((words.waits_new, pending.new), (words.waits_changed, pending.changed), (words.waits_gone, pending.gone))
    lists = "".join(f"<h3>{name}</h3>{_names(names, words)}" for name, names in groups if names)
    return (
        f'<p class="fn-waits">{counted(words, "status_waiting", pending.count)}</p>'
        f'<p class="fn-note">{words.waiting_hint}</p>'
        f'<details class="fn-waiting-list" id="fn-waiting-list"><summary data-key="waits">{words.waits}</summary>'
        f"{lists}</details>"
    )


def _names(names: Sequence[str], words: Words) -> str:
    items = "".join(f"<li>{escape(name)}</li>" for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    if more > 0:
        items += f"<li>{words.and_more.format(n=more)}</li>"
    return f"<ul>{items}</ul>"


def _button(name: str, state: LibraryState, *, is_wanted: bool) -> str:
    # Not `disabled`, which would take the focus away from whoever has just pressed it.
    off = ' aria-disabled="true"' if state.is_busy else ""
    strong = " fn-strong" if is_wanted else ""
    return f'<button type="button" class="fn-button{strong}" id="fn-rebuild" data-key="rebuild"{off}>{name}</button>'


def _way_back(previous: GenerationSummary | None, state: LibraryState, words: Words) -> str:
    if previous is None or previous.created is None or previous.counts is None:
        return ""
    question = words.rollback_ask.format(
        id=previous.id,
        date=written_date(words, datetime.fromisoformat(previous.created)),
        n=f"{previous.counts.articles:,}",
    )
    off = ' aria-disabled="true"' if state.is_busy else ""
    return (
        f'<button type="button" class="fn-link" id="fn-rollback" data-key="rollback" data-ask="{escape(question)}" '
        f'data-yes="{words.rollback_yes}"{off}>{words.rollback}</button>'
    )


def job_html(state: LibraryState, words: Words, *, known: str = "") -> str:
    """Render the rebuild that is under way, or how the last one ended unless its id is `known`."""
    if job := state.running:
        return _running(job, words)
    if state.elsewhere is not None:
        return _bar(words.job_elsewhere, "", [words.job_elsewhere])
    if not state.jobs or state.jobs[0].id == known:
        return ""
    job = state.jobs[0]
    kind = "fn-added" if job.state == "done" else "fn-refused"
    again = ""
    if job.code == "shrink_refused":
        again = (
            f'<button type="button" class="fn-button" id="fn-shrink" data-key="shrink" '
            f'data-ask="{escape(job.message)}" data-yes="{words.shrink}">{words.shrink}</button>'
        )
    return f'<p class="fn-job {kind}">{escape(ended_text(job, words))}</p>{again}'


def ended_job(library: Library) -> str:
    """Name the rebuild that ended last: on a page that is opened later it is no news."""
    return next((job.id for job in library.jobs() if job.is_over), "")


def ended_text(job: Job, words: Words) -> str:
    """Say how a rebuild ended."""
    if job.state == "failed":
        known: str = getattr(words, f"job_{job.code}", "")
        return known or f"{words.job_failed} {job.message} {job.advice}".strip()
    report = job.report or {}
    if not report.get("committed", True):
        return words.job_up_to_date
    changes = {key: f"{len(report.get(key, ())):,}" for key in ("new", "changed", "gone")}
    return f"{words.job_done}: {words.job_changes.format(**changes)}."


def _running(job: Job, words: Words) -> str:
    stage: str = getattr(words, f"stage_{job.stage}", "") or job.stage
    parts = [f"{words.job_running}: {escape(stage)}" if stage else words.job_queued]
    if job.total:
        parts.append(words.job_progress.format(done=f"{job.done:,}", total=f"{job.total:,}"))
    if job.eta_s is not None:
        parts.append(words.eta.format(time=written_duration(words, job.eta_s)))
    return _bar(words.job_running, f' value="{job.fraction:.3f}" max="1"' if job.total else "", parts)


def _bar(label: str, value: str, parts: Sequence[str]) -> str:
    text = "".join(f"<span>{part}</span>" for part in parts)
    return f'<div class="fn-job"><progress aria-label="{label}"{value}></progress><p>{text}</p></div>'
