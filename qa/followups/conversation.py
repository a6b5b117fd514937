"""A follow-up question and its conversation become one question that stands alone. Rules, no language model. Pure.

The result is shown to the user ("understood as: …"). A question that is complete by itself is never touched: taking a
new topic for a follow-up is worse than missing a follow-up.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexer.language import split_sentences
from qa.followups import english, korean, subjects, subjects_korean
from qa.followups.context import Context, Similarity

MAX_TURNS = 8
MAX_QUESTION = 400
MAX_ANSWER = 600
_HANGUL = re.compile(r"[가-힣]")
_LATIN = re.compile(r"[A-Za-z]")
_MARKS = re.compile(r"(?<!\s)\s*\[\d{1,3}\]")
_ASKS_WHO = re.compile(r"\b(?:who|whom|whose)\b", re.I)
_ASKS_THING = re.compile(
    r"\b(?:which|what)\s+(?:\w+\s+){0,2}?(?:company|firm|ministry|institute|organi[sz]ation|agency|person|minister|group"
    r"|official|body|university|country|city|plan|project|programme|program|strategy|law|act|center|centre|summit)\b"
    r"|\bname\s+of\s+the\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange of a conversation."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question that stands alone; when not `changed` it is the one asked, byte for byte.

    `from_turn` is the place, from 0, of the turn that lent the context; None when not changed.
    """

    text: str
    changed: bool
    from_turn: int | None


def standalone(question: str, turns: Sequence[Turn], *, similarity: Similarity | None) -> Standalone:
    """Put back what a follow-up leaves out.

    `similarity` is the cosine of two short texts by the embedder, None when it does not know the language. Each
    earlier question is made standalone first; only the last `MAX_TURNS` turns count.
    """
    context: Context | None = None
    source: int | None = None
    first = max(0, len(turns) - MAX_TURNS)
    for place, turn in enumerate(turns[first:], start=first):
        lent = _context(_resolved(turn.question, context), turn.answer, context, similarity)
        # A turn about nothing ("thanks") lends nothing; what came before it still counts.
        if lent is not None:
            context, source = lent, place
    text = _resolved(question, context)
    return Standalone(text, True, source) if text != question else Standalone(question, False, None)


def _resolved(question: str, context: Context | None) -> str:
    """Return the question made standalone; the neutral form where a rule's words would not stand by themselves."""
    if context is None or len(question) > MAX_QUESTION:
        return question
    text = _rewrite(question, context)
    if text is None:
        return question
    if _rewrite(text, context) in (None, text):
        return text
    neutral = context.neutral(question.strip()[:1].upper() + question.strip()[1:])
    return neutral if _rewrite(neutral, context) in (None, neutral) else question


def _rewrite(question: str, context: Context) -> str | None:
    if _HANGUL.search(question):
        return korean.rewrite(question, context)
    return english.rewrite(question, context) if _LATIN.search(question) else None


def _context(question: str, answer: str, before: Context | None, similarity: Similarity | None) -> Context | None:
    """What a turn lends; None when neither its question nor its answer is about anything."""
    question, said = question[:MAX_QUESTION].strip(), _first_sentence(answer)
    if before is not None and question.endswith(f"({before.topic})"):
        # "Why? (X)" brings no question to vary; the one before it still is.
        return replace(before, said=said)
    lent = _korean(question, said) if _HANGUL.search(question) else _english(question, said, before)
    return replace(lent, similarity=similarity) if lent.subject else None


def _first_sentence(answer: str) -> str:
    text = _MARKS.sub("", answer[:MAX_ANSWER]).strip()
    language = "ko" if _HANGUL.search(text) else "en"
    spans = split_sentences(text, language)
    return text[spans[0][0] : spans[0][1]] if spans else ""


def _english(question: str, said: str, before: Context | None) -> Context:
    named, asked = "", question.casefold()
    if _ASKS_WHO.search(question) or _ASKS_THING.search(question):
        new = [p for p in subjects.phrases(f", {said}") if p.is_name and p.bare.casefold() not in asked]
        named = subjects.with_article(new[0].text) if new else ""
    best = subjects.best_phrase(question) or subjects.best_phrase(f", {said}")
    subject = subjects.with_article(best.text) if best else ""
    topic = subjects.all_phrases(question) or subject
    if before is not None and best is not None and best.weight <= 0:
        # "How many steps?" is still about what the turn before was about.
        subject, topic = before.subject, f"{topic}, {before.subject}"
    return Context(
        question=question,
        subject=subject,
        topic=topic,
        person=subjects.person_in(f", {question}") or subjects.person_in(said),
        place=subjects.place_in(said),
        named=named,
        asks_thing=_ASKS_THING.search(question) is not None,
        said=said,
    )


def _korean(question: str, said: str) -> Context:
    subject = subjects_korean.subject(question) or subjects_korean.named_in(said)
    named, asks_thing = subjects_korean.asked_for(question, said)
    return Context(
        question=question,
        subject=subject,
        topic=subjects_korean.topic(question) or subject,
        person=subjects_korean.person_in(question) or subjects_korean.person_in(said),
        place=subjects_korean.place_in(said),
        named=named,
        asks_thing=asks_thing,
        said=said,
    )
