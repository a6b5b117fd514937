"""Answers, sources and articles to safe HTML; pure, and the one place where text of others is escaped.

Every function returns HTML in which only this file's own tags and attributes occur. Text is written with each ASCII
mark of punctuation as a numeric entity, so that neither HTML nor Markdown nor a template finds anything in it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from urllib.parse import quote, urlencode

from indexer.articles import Article, Block
from qa.answer import Answer
from qa.citations import Citation
from qa.reader import Evidence
from qa.retrieval import Filters, Hit
from ui.texts import Words, counted, written_age, written_date, written_language

ARTICLE_ROUTE = "/articles/"
# A longer article is shown around its quotation only, and those of early answers sooner: the panel is sent anew with
# each answer.
PANEL_CHARS = 60_000
EARLY_PANEL_CHARS = 4_000
FULL_TURNS = 3
SNIPPET_CHARS = 180
# Of the reader's probabilities, which all sentences of all passages share.
SUPPORT_LEVELS = (0.6, 0.3, 0.12)
KNOWN_WARNINGS = ("embedder_blind", "filters_match_nothing", "history_unused")

_UNSAFE = re.compile(r"[\x00-\x1f!-/:-@\[-`{-~\x7f]")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer of a conversation as the page shows it: `turn` counts from 1 and scopes every id."""

    turn: int
    answer: Answer
    filters: Filters = field(default_factory=Filters)


def escape(text: str) -> str:
    """Return text that reads the same and means nothing to HTML, Markdown, templates or attributes."""
    whole = text.encode("utf-8", "replace").decode()
    return _UNSAFE.sub(_entity, whole)


def _entity(match: re.Match[str]) -> str:
    code = ord(match.group())
    # A control character has no place in HTML; line ends and tabs have.
    return "&#65533;" if (code < 32 and code not in (9, 10)) or code == 127 else f"&#{code};"


# The chat


def question_html(question: str, words: Words) -> str:
    """Render what the user asked."""
    return f'<div class="fn-question"><span class="fn-hidden">{words.asked_by_you}: </span>{escape(question)}</div>'


def note_html(text: str, *, waiting: bool = False) -> str:
    """Render a word from the page itself in place of an answer: a wait, a refusal, a failure."""
    name = "fn-note fn-waiting" if waiting else "fn-note"
    return f'<div class="fn-answer"><p class="{name}">{escape(text)}</p></div>'


def remark_html(text: str) -> str:
    """Render a word from the page beside its controls; it is announced."""
    return f'<p class="fn-note" role="status">{escape(text)}</p>'


def answer_steps(exchange: Exchange, words: Words) -> list[str]:
    """Render an answer as it grows, sentence by sentence; the last step is the whole."""
    answer = exchange.answer
    if answer.outcome == "not_in_articles":
        return [_frame(_abstention(exchange, words))]
    head = _lead(answer, words)
    quotes = [_quotation(citation, exchange, words) for citation in answer.citations]
    steps = [_frame(head + "".join(quotes[:count])) for count in range(1, len(quotes))]
    return [*steps, _frame(head + "".join(quotes) + _warnings(exchange, words))]


def _frame(inner: str) -> str:
    return f'<div class="fn-answer">{inner}</div>'


def _lead(answer: Answer, words: Words) -> str:
    parts = []
    if answer.standalone_question != answer.question:
        parts.append(f'<p class="fn-note">{words.understood_as} {escape(answer.standalone_question)}</p>')
    if answer.outcome == "partly":
        parts.append(f'<p class="fn-note">{words.partly}</p>')
    if answer.short_answer:
        parts.append(f'<p class="fn-short"><strong>{escape(answer.short_answer)}</strong></p>')
    return "".join(parts)


def _quotation(citation: Citation, exchange: Exchange, words: Words) -> str:
    article = _articles(exchange.answer).get(citation.article_id)
    link = (
        f'<a class="fn-cite" href="#{_card_id(exchange.turn, citation.index)}">'
        f'<span class="fn-hidden">{words.source_number} </span>{citation.index}</a>'
    )
    return f'<p class="fn-quote"{_lang(article)}><q>{escape(citation.cited_text)}</q> {link}</p>'


def _abstention(exchange: Exchange, words: Words) -> str:
    closest = closest_evidence(exchange.answer)
    parts = [f'<p class="fn-short"><strong>{words.not_in_articles}</strong></p>']
    if closest:
        parts.append(
            f'<p class="fn-note">{words.closest}</p>'
            f'<p class="fn-quote fn-closest"{_lang(closest.article)}><q>{escape(closest.text)}</q></p>'
            f'<p><a class="fn-more" href="#{_card_id(exchange.turn, 0)}">{words.closest_link}</a></p>'
        )
    advice = [words.try_rephrase, words.try_add]
    if exchange.filters != Filters():
        filters = ", ".join(escape(part) for part in filter_parts(exchange.filters, words))
        advice.insert(0, words.try_filters.format(filters=filters))
    items = "".join(f"<li>{item}</li>" for item in advice)
    parts.append(f'<p class="fn-try">{words.try_heading}</p><ul>{items}</ul>')
    return "".join(parts) + _warnings(exchange, words)


def _warnings(exchange: Exchange, words: Words) -> str:
    # That questions stand alone is worth saying once, when it first matters.
    shown = [code for code in exchange.answer.warnings if code != "history_unused" or exchange.turn == 2]
    lines = [escape(getattr(words, f"warning_{code}") if code in KNOWN_WARNINGS else code) for code in shown]
    return "".join(f'<p class="fn-warning">{line}</p>' for line in lines)


def closest_evidence(answer: Answer) -> Evidence | None:
    """The sentence that comes closest to an answer that is not there."""
    return answer.evidence[0] if answer.evidence else None


def filter_parts(filters: Filters, words: Words) -> list[str]:
    """Say in words what each active filter keeps."""
    parts = []
    if filters.published_from:
        parts.append(words.filter_after.format(date=written_date(words, filters.published_from)))
    if filters.published_to:
        parts.append(words.filter_before.format(date=written_date(words, filters.published_to)))
    parts.extend(filters.sources)
    parts.extend(written_language(words, code) for code in filters.languages)
    return parts


# The sources


def sources_html(exchanges: Sequence[Exchange], words: Words, *, today: date, lost: bool = False) -> str:
    """Render the sources of every answer, newest first; the earlier ones are folded."""
    if not exchanges:
        return f'<div class="fn-empty"><p>{words.sources_empty}</p><p>{words.sources_hint}</p></div>'
    newest, *earlier = reversed(exchanges)
    groups = [f'<section id="t{newest.turn}" class="fn-group">{_group(newest, words, today=today)}</section>']
    groups += [
        f'<details id="t{item.turn}" class="fn-group fn-earlier">'
        f"<summary>{words.earlier_answer} {escape(item.answer.question)}</summary>"
        f"{_group(item, words, today=today, room=PANEL_CHARS if age < FULL_TURNS else EARLY_PANEL_CHARS)}</details>"
        for age, item in enumerate(earlier, start=1)
    ]
    if lost:
        groups.append(f'<p class="fn-note">{words.sources_lost}</p>')
    return "".join(groups)


def _group(exchange: Exchange, words: Words, *, today: date, room: int = PANEL_CHARS) -> str:
    answer = exchange.answer
    sources = [_cited(citation, answer) for citation in answer.citations]
    if answer.outcome == "not_in_articles" and (closest := closest_evidence(answer)):
        sources = [_closest(closest, answer)]
    cards = [_card(source, exchange, words, room=room) for source in sources]
    return _summary(answer, words, today=today) + "".join(cards) + _also_found(exchange, words)


def _summary(answer: Answer, words: Words, *, today: date) -> str:
    if not answer.citations:
        return ""
    articles = len({citation.article_id for citation in answer.citations})
    line = f"{counted(words, 'quotations', len(answer.citations))} {counted(words, 'in_articles', articles)}"
    dates = [citation.published for citation in answer.citations if citation.published]
    if dates:
        line += " · " + words.newest_source.format(age=written_age(words, max(dates), today))
    button = f'<button type="button" class="fn-copy" data-done="{words.copied}">{words.copy}</button>'
    return f'<p class="fn-note"><span>{escape(line)}</span>{button}</p>'


@dataclass(frozen=True, slots=True)
class Source:
    """What a card shows: the sentence `start`–`end` of an article, within its passage if that is known."""

    number: int
    article: Article | None
    citation: Citation | None
    start: int
    end: int
    text: str
    support: float | None
    passage: tuple[int, int] | None


def _cited(citation: Citation, answer: Answer) -> Source:
    span = (citation.article_id, citation.start, citation.end)
    scores = {(item.article.id, item.sentence.start, item.sentence.end): item.score for item in answer.evidence}
    return Source(
        number=citation.index,
        article=_articles(answer).get(citation.article_id),
        citation=citation,
        start=citation.start,
        end=citation.end,
        text=citation.cited_text,
        support=scores.get(span),
        passage=_passage_around(answer.hits, *span),
    )


def _closest(evidence: Evidence, answer: Answer) -> Source:
    start, end = evidence.sentence.start, evidence.sentence.end
    passage = _passage_around(answer.hits, evidence.article.id, start, end)
    return Source(0, evidence.article, None, start, end, evidence.text, None, passage)


def _passage_around(hits: Iterable[Hit], article_id: str, start: int, end: int) -> tuple[int, int] | None:
    for hit in hits:
        if hit.article.id == article_id and hit.passage.start <= start and end <= hit.passage.end:
            return hit.passage.start, hit.passage.end
    return None


def _card(source: Source, exchange: Exchange, words: Words, *, room: int) -> str:
    title = source.article.title if source.article else source.citation.title if source.citation else ""
    number = f'<span class="fn-number">{source.number}</span>' if source.number else ""
    label = "" if source.number else f'<span class="fn-label">{words.closest_card}</span>'
    unchecked = source.citation is not None and not source.citation.verified
    warning = f'<p class="fn-warning">{words.not_verified}</p>' if unchecked else ""
    head = (
        f'<span class="fn-head">{number}<span class="fn-about">{label}'
        f'<span class="fn-title"{_lang(source.article)}>{escape(title)}</span>'
        f'<span class="fn-meta">{meta_html(source.article, words)}{_support(source.support, words)}</span>'
        f'<span class="fn-cited"{_lang(source.article)}>{escape(source.text)}</span></span></span>'
    )
    body = _card_body(source, source.article, exchange, words, room=room) if source.article else ""
    card = _card_id(exchange.turn, source.number)
    return f'<details class="fn-card" id="{card}"><summary>{head}</summary>{warning}{body}</details>'


def _card_body(source: Source, article: Article, exchange: Exchange, words: Words, *, room: int) -> str:
    mark_id = f"{_card_id(exchange.turn, source.number)}-mark"
    address = article_address(article, source.start, source.end)
    window = _window(article, source.start, source.end, room)
    shortened = f'<p class="fn-note">{words.shortened}</p>' if window != (0, len(article.text)) else ""
    text = article_html(article, (source.start, source.end), source.passage, mark_id=mark_id, window=window)
    return (
        f'<div class="fn-body"><p class="fn-actions"><button type="button" class="fn-back">{words.back}</button>'
        f'<a href="{address}" target="_blank" rel="noopener">{words.new_tab}</a></p>'
        f'{shortened}<div class="fn-article"{_lang(article)}>{text}</div></div>'
    )


def _window(article: Article, start: int, end: int, room: int) -> tuple[int, int]:
    if len(article.text) <= room:
        return 0, len(article.text)
    middle = (start + end) // 2
    return max(0, min(start, middle - room // 2)), max(end, middle + room // 2)


def _also_found(exchange: Exchange, words: Words) -> str:
    answer = exchange.answer
    used = {citation.article_id for citation in answer.citations}
    closest = closest_evidence(answer)
    if not answer.citations and closest:
        used = {closest.article.id}
    best: dict[str, Hit] = {}
    for hit in answer.hits:
        if hit.article.id not in used:
            best.setdefault(hit.article.id, hit)
    if not best:
        return ""
    items = "".join(_found(hit, words) for hit in best.values())
    return f'<details class="fn-also"><summary>{words.also_found} ({len(best)})</summary><ul>{items}</ul></details>'


def _found(hit: Hit, words: Words) -> str:
    address = article_address(hit.article, hit.passage.start, hit.passage.end)
    snippet = hit.text[:SNIPPET_CHARS].strip() + ("…" if len(hit.text) > SNIPPET_CHARS else "")
    return (
        f'<li><a class="fn-title" href="{address}" target="_blank" rel="noopener"{_lang(hit.article)}>'
        f'{escape(hit.article.title)}</a><span class="fn-meta">{meta_html(hit.article, words)}</span>'
        f'<span class="fn-snippet"{_lang(hit.article)}>{escape(snippet)}</span></li>'
    )


def _support(score: float | None, words: Words) -> str:
    if score is None:
        return ""
    level = 1 + sum(score >= bound for bound in reversed(SUPPORT_LEVELS))
    name = (words.support_weak, words.support_fair, words.support_good, words.support_strong)[level - 1]
    bars = "<i></i>" * 4
    return (
        f'<span class="fn-support"><span class="fn-bars fn-bars-{level}" aria-hidden="true">{bars}</span>'
        f"<span>{words.support}: {name}</span></span>"
    )


def meta_html(article: Article | None, words: Words) -> str:
    """Render where an article comes from: source, date, and how the date is known."""
    if article is None:
        return ""
    parts = [f"<span>{escape(article.source)}</span>"] if article.source else []
    return "".join([*parts, f"<span>{date_html(article, words)}</span>"])


def date_html(article: Article, words: Words) -> str:
    """Render a date with its origin, or that none is known."""
    if article.published is None:
        return words.date_unknown
    origin = article.provenance.get("published")
    how = getattr(words, f"date_{origin.replace(' ', '_')}") if origin else ""
    day = f'<time datetime="{article.published.isoformat()}">{written_date(words, article.published)}</time>'
    return f'{day} <span class="fn-origin">({how})</span>' if how else day


def _card_id(turn: int, number: int) -> str:
    return f"t{turn}-c{number}"


def _lang(article: Article | None) -> str:
    return f' lang="{article.language}"' if article and article.language in ("en", "ko") else ""


def _articles(answer: Answer) -> dict[str, Article]:
    found = {hit.article.id: hit.article for hit in answer.hits}
    return found | {item.article.id: item.article for item in answer.evidence}


# Articles


def article_address(article: Article, start: int, end: int) -> str:
    """Return the address of an article's page, at a slice if it is not empty, escaped for an attribute."""
    address = ARTICLE_ROUTE + quote(article.id, safe="/")
    if start < end:
        address += f"?{urlencode({'start': start, 'end': end, 'sha': article.sha256[:16]})}#mark"
    return escape(address)


def article_html(
    article: Article,
    cited: tuple[int, int] | None,
    passage: tuple[int, int] | None,
    *,
    mark_id: str,
    window: tuple[int, int] | None = None,
    heading: str = "h3",
) -> str:
    """Render an article block by block with the cited slice in `<mark>` and its passage set off lightly."""
    low, high = window or (0, len(article.text))
    shown = [(block.kind, max(low, block.start), min(high, block.end)) for block in article.blocks]
    blocks, marked = [], False
    for block in [Block(kind, start, end) for kind, start, end in shown if start < end]:
        has_mark = cited is not None and block.start < cited[1] and cited[0] < block.end
        inner = _slices(article, block, cited, passage, mark_id="" if marked or not has_mark else mark_id)
        marked = marked or has_mark
        tag = heading if block.kind == "heading" else "p"
        blocks.append(f'<{tag} class="fn-{block.kind}">{inner}</{tag}>')
    return "".join(blocks)


def _slices(
    article: Article,
    block: Block,
    cited: tuple[int, int] | None,
    passage: tuple[int, int] | None,
    *,
    mark_id: str,
) -> str:
    edges = {block.start, block.end}
    for span in (cited, passage):
        edges.update(edge for edge in span or () if block.start < edge < block.end)
    cuts = sorted(edges)
    parts = []
    for start, end in pairwise(cuts):
        text = escape(article.quote(start, end))
        if cited and cited[0] <= start < cited[1]:
            identity = f' id="{mark_id}" tabindex="-1"' if mark_id else ""
            parts.append(f"<mark{identity}>{text}</mark>")
            mark_id = ""
        elif passage and passage[0] <= start < passage[1]:
            parts.append(f'<span class="fn-passage">{text}</span>')
        else:
            parts.append(text)
    return "".join(parts)
