"""Example questions made from the corpus itself: a sentence is turned around, and kept if asking finds it again.

The patterns are few and strict: an odd example is worse than none.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest

from indexer.articles import Article, Passage
from indexer.language import detect_language
from qa.answer import Answer, Answerer

EXAMPLES = 4
# Each try costs an answer.
TRIED = 12
# Of a large corpus its first passages: looking at a hundred thousand takes six seconds, in which nobody is served.
LOOKED_AT = 2000
NEXT, NEXT_TRIED = 2, 4

_SAID = {
    "said": "say", "called for": "call for", "asked for": "ask for", "announced": "announce", "reported": "report",
    "promised": "promise", "proposed": "propose", "warned": "warn of", "approved": "approve", "launched": "launch",
    "opened": "open", "signed": "sign", "published": "publish",
}  # fmt: skip
_WILL = "develop|build|support|back|launch|create|open|expand|train|fund|introduce|set up|invest in"
_WHO = r"(?P<who>(?:The |the )?[A-Z가-힣]?[\w.&-]*(?: [\w.&-]+){0,3})"
_ENGLISH = (
    (re.compile(rf"^{_WHO} (?P<did>{'|'.join(_SAID)}) .{{20,}}"), "What did {who} {did}?"),
    (re.compile(rf"^{_WHO} will (?:also )?(?P<did>{_WILL}) .{{20,}}"), "What will {who} {did}?"),
    (
        re.compile(r"^The (?P<who>number of \w[\w -]{5,60}?) (?:is|are|will|was|were|grew|rose|fell) .*\d"),
        "What is the {who}?",
    ),
)
_KOREAN = (
    (
        re.compile(
            r"^(?P<who>[\w· ]{2,24}[은는]) .{10,}(?P<did>밝혔|강조했|말했|건의했|요청했|소개했|발표했|제안했)다\.$"
        ),
        "{who} 무엇을 {did}나요?",
    ),
)
_PATTERNS = {"en": _ENGLISH, "ko": _KOREAN}
# A question must stand alone: these point at another sentence.
_POINTING = re.compile(r"(he|she|it|they|we|i|you|this|that|these|those|there|그|그녀|이|이번|또)\b", re.IGNORECASE)
# Before its last word, the subject of a Korean sentence holds no other part of it.
_OTHER_PART = re.compile(r"[가이을를에서로고]\s|^(그는|이는)$")


_ARTICLE = re.compile(r"^(?:The|An?) ")
# "The firms also said": an adverb is no part of who did it.
_ALSO = re.compile(r" (?:also|then|later|recently|has|have|had)$")


def example_questions(answerer: Answerer, language: str, *, most: int = EXAMPLES) -> list[str]:
    """Return a few questions in a language, each answered by the very sentence it was made of."""
    chosen: list[str] = []
    used: set[str] = set()
    tried = 0
    passages = list(islice(answerer.generation.passages, LOOKED_AT))
    for article, start, end, question in _candidates(passages, answerer, language):
        if article.id in used or tried >= TRIED or len(chosen) >= most:
            continue
        tried += 1
        if _finds(answerer, question, (article.id, start, end)):
            chosen.append(question)
            used.add(article.id)
    return chosen


def next_questions(answerer: Answerer, answers: Sequence[Answer]) -> list[str]:
    """Return up to two questions to go on with, made of what stands near the last answer and was not quoted yet.

    Nothing is suggested after an answer that is not there.
    """
    last = answers[-1]
    if not last.citations:
        return []
    asked = {one.question.casefold() for one in answers}
    quoted = {(citation.article_id, citation.start) for one in answers for citation in one.citations}
    language = detect_language(last.question)
    chosen: list[str] = []
    candidates = _candidates([hit.passage for hit in last.hits], answerer, language)
    fresh = (item for item in candidates if (item[0].id, item[1]) not in quoted and item[3].casefold() not in asked)
    for article, start, end, question in islice(fresh, NEXT_TRIED):
        if len(chosen) < NEXT and question not in chosen and _finds(answerer, question, (article.id, start, end)):
            chosen.append(question)
    return chosen


def _finds(answerer: Answerer, question: str, place: tuple[str, int, int]) -> bool:
    citations = answerer.answer(question).citations
    return bool(citations) and (citations[0].article_id, citations[0].start, citations[0].end) == place


Candidate = tuple[Article, int, int, str]


def _candidates(passages: Sequence[Passage], answerer: Answerer, language: str) -> Iterator[Candidate]:
    """Yield one candidate of each article, then a second of each, and so on."""
    by_article: dict[str, dict[str, Candidate]] = {}
    for passage in passages:
        article = answerer.generation.article_of(passage)
        if article.language != language:
            continue
        for sentence in passage.sentences:
            question = turned_around(article.quote(sentence.start, sentence.end), language)
            if question:
                found = by_article.setdefault(article.id, {})
                found.setdefault(question, (article, sentence.start, sentence.end, question))
    for round_ in zip_longest(*(found.values() for found in by_article.values())):
        yield from (candidate for candidate in round_ if candidate)


def turned_around(sentence: str, language: str) -> str | None:
    """Return the question that a sentence plainly answers; None when no pattern is sure."""
    text = " ".join(sentence.split())
    for pattern, template in _PATTERNS.get(language, ()):
        match = pattern.match(text)
        if match and not _POINTING.match(match["who"]) and not _OTHER_PART.search(match["who"]):
            who, did = _ALSO.sub("", match["who"]), match.groupdict().get("did") or ""
            return template.format(who=_ARTICLE.sub(lambda found: found[0].lower(), who), did=_SAID.get(did, did))
    return None
