"""The sources of answers as HTML: a card for each quotation, with the quotation marked in its article. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from indexer.articles import Article
from qa.answer import Answer
from qa.citations import Citation
from qa.conflicts import Side
from qa.reader import Evidence
from qa.retrieval import Hit
from ui.page.markup import (
    Exchange,
    article_address,
    article_html,
    articles_of,
    card_id,
    copies_html,
    escape,
    lang,
    meta_html,
    sides_of,
)
from ui.page.receipts import receipt_of
from ui.texts import Words
from ui.wording import citation_of, is_near_miss, summary_line

# A longer article is shown around its quotation only, and those of early answers sooner: the panel is sent anew with
# each answer.
PANEL_CHARS = 60_000
EARLY_PANEL_CHARS = 4_000
FULL_TURNS = 3
SNIPPET_CHARS = 180
# Of the reader's probabilities, which all sentences of all passages share.
SUPPORT_LEVELS = (0.6, 0.3, 0.12)


def closest_evidence(answer: Answer) -> Evidence | None:
    """The sentence that comes closest to an answer that is not there."""
    return answer.evidence[0] if answer.evidence else None


def sources_html(exchanges: Sequence[Exchange], words: Words, *, today: date, lost: bool = False) -> str:
    """Render the sources of every answer, newest first; the earlier ones are folded."""
    if not exchanges:
        return f'<div class="fn-empty"><p>{words.sources_empty}</p><p>{words.sources_hint}</p></div>'
    newest, *earlier = reversed(exchanges)
    inner = _group(newest, words, today=today)
    groups = [f'<section id="t{newest.turn}" class="fn-group"{_kept(newest)}>{inner}</section>']
    groups += [
        f'<details id="t{item.turn}" class="fn-group fn-earlier"{_kept(item)}>'
        f"<summary>{words.earlier_answer} {escape(item.answer.question)}</summary>"
        f"{_group(item, words, today=today, room=PANEL_CHARS if age < FULL_TURNS else EARLY_PANEL_CHARS)}</details>"
        for age, item in enumerate(earlier, start=1)
    ]
    if lost:
        groups.append(f'<p class="fn-note">{words.sources_lost}</p>')
    return "".join(groups)


def _kept(exchange: Exchange) -> str:
    """Return the attributes by which the browser keeps an answer."""
    receipt = json.dumps(receipt_of(exchange), ensure_ascii=False, separators=(",", ":"))
    return f' data-answer="{escape(exchange.answer.id)}" data-receipt="{escape(receipt)}"'


def _group(exchange: Exchange, words: Words, *, today: date, room: int = PANEL_CHARS) -> str:
    answer = exchange.answer
    sources = [_cited(citation, answer, words) for citation in answer.citations]
    if answer.outcome == "not_in_articles" and (closest := closest_evidence(answer)):
        sources = [_closest(closest, answer, words)]
    sides = sides_of(answer).items()
    sources += [_side(name, side, answer, words) for name, side in sides if citation_of(side, answer) is None]
    cards = [_card(source, exchange, words, room=room) for source in sources]
    return _summary(answer, words, today=today) + "".join(cards) + _also_found(exchange, words)


def _summary(answer: Answer, words: Words, *, today: date) -> str:
    if not answer.citations:
        return ""
    line = summary_line(answer.citations, words, today=today)
    return f'<p class="fn-note"><span>{escape(line)}</span></p>'


@dataclass(frozen=True, slots=True)
class Source:
    """What a card shows: the sentence `start`–`end` of an article, within its passage if that is known.

    `name` tells the card from the others of its turn; `label` says what it is when it is no quotation of an answer.
    """

    name: str
    label: str
    article: Article | None
    citation: Citation | None
    start: int
    end: int
    text: str
    support: float | None
    passage: tuple[int, int] | None


def _cited(citation: Citation, answer: Answer, words: Words) -> Source:
    span = (citation.article_id, citation.start, citation.end)
    scores = {(item.article.id, item.sentence.start, item.sentence.end): item.score for item in answer.evidence}
    near_miss = is_near_miss(answer)
    return Source(
        name=f"c{citation.index}",
        label=words.closest_card if near_miss else "",
        article=articles_of(answer).get(citation.article_id),
        citation=citation,
        start=citation.start,
        end=citation.end,
        text=citation.cited_text,
        support=None if near_miss else scores.get(span),
        passage=_passage_around(answer.hits, *span),
    )


def _closest(evidence: Evidence, answer: Answer, words: Words) -> Source:
    return _uncited("c0", words.closest_card, evidence, answer)


def _side(name: str, side: Side, answer: Answer, words: Words) -> Source:
    return _uncited(name, words.disagree_card, side.evidence, answer)


def _uncited(name: str, label: str, evidence: Evidence, answer: Answer) -> Source:
    start, end = evidence.sentence.start, evidence.sentence.end
    passage = _passage_around(answer.hits, evidence.article.id, start, end)
    return Source(name, label, evidence.article, None, start, end, evidence.text, None, passage)


def _passage_around(hits: Iterable[Hit], article_id: str, start: int, end: int) -> tuple[int, int] | None:
    for hit in hits:
        if hit.article.id == article_id and hit.passage.start <= start and end <= hit.passage.end:
            return hit.passage.start, hit.passage.end
    return None


def _card(source: Source, exchange: Exchange, words: Words, *, room: int) -> str:
    title = source.article.title if source.article else source.citation.title if source.citation else ""
    number = f'<span class="fn-number">{source.citation.index}</span>' if source.citation else ""
    label = f'<span class="fn-label">{source.label}</span>' if source.label else ""
    unchecked = source.citation is not None and not source.citation.verified
    warning = f'<p class="fn-warning">{words.not_verified}</p>' if unchecked else ""
    head = (
        f'<span class="fn-head">{number}<span class="fn-about">{label}'
        f'<span class="fn-title"{lang(source.article)}>{escape(title)}</span>'
        f'<span class="fn-meta">{meta_html(source.article, words)}{_support(source.support, words)}</span>'
        f'<span class="fn-cited"{lang(source.article)}>{escape(source.text)}</span></span></span>'
    )
    body = _card_body(source, source.article, exchange, words, room=room) if source.article else ""
    card = card_id(exchange.turn, source.name)
    return f'<details class="fn-card" id="{card}"><summary>{head}</summary>{warning}{body}</details>'


def _card_body(source: Source, article: Article, exchange: Exchange, words: Words, *, room: int) -> str:
    mark_id = f"{card_id(exchange.turn, source.name)}-mark"
    address = article_address(article, source.start, source.end)
    window = _window(article, source.start, source.end, room)
    copies = copies_html(source.citation.also_in if source.citation else (), words)
    shortened = f'<p class="fn-note">{words.shortened}</p>' if window != (0, len(article.text)) else ""
    text = article_html(article, (source.start, source.end), source.passage, mark_id=mark_id, window=window)
    return (
        f'<div class="fn-body"><p class="fn-actions"><button type="button" class="fn-back">{words.back}</button>'
        f'<button type="button" class="fn-step" data-by="-1">{words.previous_quotation}</button>'
        f'<button type="button" class="fn-step" data-by="1">{words.next_quotation}</button>'
        f'<a href="{address}" target="_blank" rel="noopener">{words.new_tab}</a></p>'
        f'{copies}{shortened}<div class="fn-article"{lang(article)}>{text}</div></div>'
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
    used |= {side.evidence.article.id for side in sides_of(answer).values()}
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
        f'<li><a class="fn-title" href="{address}" target="_blank" rel="noopener"{lang(hit.article)}>'
        f'{escape(hit.article.title)}</a><span class="fn-meta">{meta_html(hit.article, words)}</span>'
        f'<span class="fn-snippet"{lang(hit.article)}>{escape(snippet)}</span></li>'
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
