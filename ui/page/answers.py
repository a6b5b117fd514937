"""Questions and answers to safe HTML: what stands in the chat. Pure."""

from qa.answer import Answer
from qa.citations import Citation
from qa.conflicts import Conflict, Side
from qa.retrieval import Filters
from qa.writing import Written, WrittenSentence
from ui.page.markup import Exchange, articles_of, card_id, escape, lang, meta_html, side_name
from ui.page.sources import closest_evidence
from ui.page.timeline import timeline_html
from ui.texts import Words, written_date, written_language
from ui.wording import (
    citation_of,
    headline,
    is_near_miss,
    partly_line,
    period_line,
    problems_line,
    understood_line,
    unshown,
    warning_lines,
    weak_line,
)


def question_html(question: str, words: Words) -> str:
    """Render what the user asked."""
    return f'<div class="fn-question"><span class="fn-hidden">{words.asked_by_you}: </span>{escape(question)}</div>'


def note_html(text: str, *, waiting: bool = False) -> str:
    """Render a word from the page itself in place of an answer: a wait, a refusal, a failure."""
    name = "fn-note fn-waiting" if waiting else "fn-note"
    return f'<div class="fn-answer"><p class="{name}">{escape(text)}</p></div>'


def place_html(place: int, words: Words) -> str:
    """Render how many are served first, in place of an answer to come; it is announced."""
    line = words.line_place.format(n=place)
    return f'<div class="fn-answer"><p class="fn-note fn-waiting" role="status">{escape(line)}</p></div>'


def remark_html(text: str) -> str:
    """Render a word from the page beside its controls; it is announced."""
    return f'<p class="fn-note" role="status">{escape(text)}</p>'


def answer_steps(exchange: Exchange, words: Words) -> list[str]:
    """Render an answer as it grows, sentence by sentence; the last step is the whole."""
    answer = exchange.answer
    if answer.outcome == "not_in_articles":
        return [_frame(_abstention(exchange, words) + actions_html(exchange.turn, words))]
    head = _lead(exchange, words)
    quotes = [_quotation(citation, exchange, words) for citation in unshown(answer)]
    steps = [_frame(head + "".join(quotes[:count])) for count in range(1, len(quotes))]
    foot = timeline_html(answer.citations, exchange.turn, words) + _warnings(answer, words)
    return [*steps, _frame(head + "".join(quotes) + foot + actions_html(exchange.turn, words))]


def actions_html(turn: int, words: Words) -> str:
    """Render what can be done with an answer: ask.js does it. Links, since Gradio's chat lets no buttons through."""
    always = (("copy", words.act_copy), ("up", words.act_up), ("down", words.act_down))
    only_last = (("again", words.act_again), ("edit", words.act_edit), ("undo", words.act_undo))
    acts = [(name, text, "") for name, text in always] + [(name, text, " fn-last") for name, text in only_last]
    links = "".join(
        f'<a role="button" class="fn-act fn-act-{name}{more}" href="#t{turn}-{name}" title="{text}">{text}</a>'
        for name, text, more in acts
    )
    return f'<p class="fn-acts">{links}</p>'


def _frame(inner: str) -> str:
    return f'<div class="fn-answer">{inner}</div>'


def _lead(exchange: Exchange, words: Words) -> str:
    """Everything before the quotations: what is said of the answer as a whole, and the answer in short."""
    answer = exchange.answer
    short = headline(answer)
    parts = [
        _understanding(answer, words),
        _line(partly_line(answer, words), "fn-partly"),
        _line(weak_line(answer, words), "fn-weak"),
        "".join(_conflict(place, item, exchange, words) for place, item in enumerate(answer.conflicts, start=1)),
        f'<p class="fn-short"><strong>{escape(short)}</strong></p>' if short else "",
        _written(answer.written, exchange, words) if answer.written else "",
        _line(words.closest, "fn-note") if is_near_miss(answer) else "",
    ]
    return "".join(parts)


def _understanding(answer: Answer, words: Words) -> str:
    return _line(understood_line(answer, words), "fn-note") + _line(period_line(answer, words), "fn-note")


def _line(text: str, name: str) -> str:
    return f'<p class="{name}">{escape(text)}</p>' if text else ""


def _quotation(citation: Citation, exchange: Exchange, words: Words) -> str:
    answer = exchange.answer
    article = articles_of(answer).get(citation.article_id)
    name = "fn-quote fn-closest" if is_near_miss(answer) else "fn-quote"
    link = _number(citation.index, exchange, words)
    return f'<p class="{name}"{lang(article)}><q>{escape(citation.cited_text)}</q> {link}</p>'


def _number(index: int, exchange: Exchange, words: Words) -> str:
    return (
        f'<a class="fn-cite" href="#{card_id(exchange.turn, f"c{index}")}">'
        f'<span class="fn-hidden">{words.source_number} </span>{index}</a>'
    )


def _abstention(exchange: Exchange, words: Words) -> str:
    answer = exchange.answer
    closest = closest_evidence(answer)
    parts = [_understanding(answer, words), f'<p class="fn-short"><strong>{words.not_in_articles}</strong></p>']
    if closest:
        parts.append(
            f'<p class="fn-note">{words.closest}</p>'
            f'<p class="fn-quote fn-closest"{lang(closest.article)}><q>{escape(closest.text)}</q></p>'
            f'<p><a class="fn-more" href="#{card_id(exchange.turn, "c0")}">{words.closest_link}</a></p>'
        )
    advice = [words.try_rephrase, words.try_add]
    if exchange.filters != Filters():
        filters = ", ".join(escape(part) for part in filter_parts(exchange.filters, words))
        advice.insert(0, words.try_filters.format(filters=filters))
    items = "".join(f"<li>{item}</li>" for item in advice)
    parts.append(f'<p class="fn-try">{words.try_heading}</p><ul>{items}</ul>')
    return "".join(parts) + _warnings(answer, words)


def _warnings(answer: Answer, words: Words) -> str:
    return "".join(_line(line, "fn-warning") for line in warning_lines(answer, words))


# Figures that disagree


def _conflict(place: int, conflict: Conflict, exchange: Exchange, words: Words) -> str:
    """Render the sides of a disagreement alike; none is set off as the right one."""
    sides = enumerate(conflict.sides, start=1)
    items = "".join(_side(side_name(place, number), side, exchange, words) for number, side in sides)
    return (
        f'<div class="fn-conflict" role="group" aria-label="{words.disagree}">'
        f'<p class="fn-conflict-title"><strong>{words.disagree}</strong></p>'
        f'<p class="fn-note">{words.disagree_hint}</p><ul>{items}</ul></div>'
    )


def _side(name: str, side: Side, exchange: Exchange, words: Words) -> str:
    article = side.evidence.article
    index = citation_of(side, exchange.answer)
    more = f'<a class="fn-more" href="#{card_id(exchange.turn, name)}">{words.closest_link}</a>'
    link = more if index is None else _number(index, exchange, words)
    return (
        f'<li><p class="fn-figure"{lang(article)}>{escape(side.value)}</p>'
        f'<p class="fn-meta">{meta_html(article, words)}</p>'
        f'<p class="fn-title"{lang(article)}>{escape(article.title)}</p>'
        f'<p class="fn-quote fn-said"{lang(article)}><q>{_marked(side)}</q> {link}</p></li>'
    )


def _marked(side: Side) -> str:
    """Render the sentence with its figure in `<mark>`."""
    article, sentence = side.evidence.article, side.evidence.sentence
    before, after = article.quote(sentence.start, side.start), article.quote(side.end, sentence.end)
    return f"{escape(before)}<mark>{escape(side.value)}</mark>{escape(after)}"


# What a language model wrote


def _written(written: Written, exchange: Exchange, words: Words) -> str:
    label = escape(words.written_by.format(model=written.model))
    sentences = "".join(_sentence(sentence, exchange, words) for sentence in written.sentences)
    has_more = exchange.answer.answered and unshown(exchange.answer)
    below = f'<p class="fn-label">{words.word_for_word}</p>' if has_more else ""
    return f'<div class="fn-written"><p class="fn-label">{label}</p>{sentences}</div>{below}'


def _sentence(sentence: WrittenSentence, exchange: Exchange, words: Words) -> str:
    known = {citation.index for citation in exchange.answer.citations}
    links = "".join(f" {_number(index, exchange, words)}" for index in sentence.cites if index in known)
    if sentence.supported:
        return f'<p class="fn-sentence">{escape(sentence.text)}{links}</p>'
    # Said before the sentence, so that whoever listens knows it first.
    problem = f'<span class="fn-problem">{escape(problems_line(sentence, words))}</span>'
    doubt = f'<span class="fn-doubt">{escape(sentence.text)}</span>'
    return f'<p class="fn-sentence fn-unsupported">{problem} {doubt}{links}</p>'


# The filters


def filter_parts(filters: Filters, words: Words) -> list[str]:
    """Say in words what each active filter keeps."""
    parts = []
    if filters.published_from:
        parts.append(words.filter_after.format(date=written_date(words, filters.published_from)))
    if filters.published_to:
        parts.append(words.filter_before.format(date=written_date(words, filters.published_to)))
    parts.extend(filters.sources)
    parts.extend(written_language(words, code) for code in filters.languages)
    parts.extend(words.filter_collection.format(name=name) for name in filters.collections)
    return parts
