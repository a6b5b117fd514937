"""Which names of a Korean sentence may be whom or where a question asks for. Pure but for the loaded model."""

import re
from dataclasses import dataclass

from indexer.language import placed_morphemes
from qa.questions.kinds import AnswerKind, Span
from qa.questions.korean import Asked

_NAMES = ("NNP", "SL")  # proper nouns and foreign words
# Nouns, prefixes, suffixes and numbers, which may be part of a name.
_NOUNS = (*_NAMES, "NNG", "XPN", "XSN", "SN", "SH", "XR")
_BRACKETS = re.compile(r"\([^()]{0,80}\)")
_DIGIT = re.compile(r"\d")
_COUNTRY_NAMES = (
    "한국 대한민국 남한 북한 조선 미국 일본 중국 대만 영국 독일 프랑스 이탈리아 스페인 러시아 소련 캐나다 인도 "
    "호주 베트남 태국 유럽 아시아 아프리카 서울 부산 도쿄 베이징 영어 한국어 일본어"
)
_COUNTRIES = frozenset(_COUNTRY_NAMES.split())
_TITLE = re.compile(
    r"\s?(?:대통령|장관|대표|교수|씨(?![가-힣])|의원|총리|회장|사장|박사|감독|총장|위원장|검사|판사|재판관|변호사|기자|의장|시장|지사|장군|대령"
    r"|소장|대위|준장|중장|국왕|황제|천황|공주|왕자|선수|대변인|후보|총재|차관|국장|대사|앵커|작가|부사장|목사|신부|주석|서기관?|연구원|센터장|원장)"
)
_PARTICLE = re.compile(
    r"에게서|에게|한테서|한테|으로부터|로부터|에서|에|으로|이(?=[\s,])|가|은|는|을|를|의|와|과|로(?![가-힣])"
)
_SUBJECT = ("이", "가", "은", "는")
_WHERE = ("에서", "에", "로", "으로")
# What the particle of 누구 or 어디 may be in the answer.
_SAME = {
    "가": _SUBJECT,
    "를": ("을", "를"),
    "와": ("와", "과"),
    "랑": ("와", "과"),
    "의": ("의",),
    "에게": ("에게", "한테"),
    "한테": ("에게", "한테"),
    "에게서": ("에게서", "한테서", "으로부터", "로부터", "에게"),
    "로부터": ("에게서", "으로부터", "로부터", "에게"),
    "에": ("에", "에서"),
    "서": ("에서", "에"),
    "에서": ("에서", "에"),
    "로": ("로", "으로"),
}


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a sentence, the particle after it ("" if none), and whether a title stands there ("김민수 장관")."""

    start: int
    end: int
    particle: str
    is_titled: bool


def names(kind: AnswerKind, sentence: str, question: str) -> list[Name]:
    """Return the names of a sentence that the question does not say, in order; for a person, no country's."""
    said = question.replace(" ", "").casefold()
    found = []
    for start, end in _runs(sentence):
        written = sentence[start:end].replace(" ", "").casefold()
        is_no_one = kind == "person" and (written in _COUNTRIES or _DIGIT.search(written))
        if len(written) > 1 and written not in said and not is_no_one:
            found.append(_name(sentence, (start, end)))
    return found


def dependable(asked: Asked, found: list[Name]) -> list[Span]:
    """Return the names that are marked as one who acts, or as a place, or as the question word is."""
    same = _SAME.get(asked.particle, ())
    return [(name.start, name.end) for name in found if name.particle in same or _is_marked(asked.kind, name)]


def _is_marked(kind: AnswerKind, name: Name) -> bool:
    if kind == "place":
        return name.particle in _WHERE and not name.is_titled
    return name.particle in _SUBJECT or name.is_titled


def _runs(sentence: str) -> list[Span]:
    """Return the stretches of names with no more than a space between: "로버트 리"; none in brackets.

    Nouns written together with a name belong to it: 한국은행, and 박진영 where Kiwi knows 박 alone.
    """
    hidden = [match.span() for match in _BRACKETS.finditer(sentence)]
    words: list[tuple[int, int, bool]] = []
    for morpheme, (start, end) in placed_morphemes(sentence):
        if morpheme.tag not in _NOUNS or end <= start or any(a <= start < b for a, b in hidden):
            continue
        if words and words[-1][1] == start:
            words[-1] = (words[-1][0], end, words[-1][2] or morpheme.tag in _NAMES)
        else:
            words.append((start, end, morpheme.tag in _NAMES))
    runs: list[Span] = []
    for start, end, is_name in words:
        if is_name and runs and sentence[runs[-1][1] : start] == " ":
            runs[-1] = (runs[-1][0], end)
        elif is_name:
            runs.append((start, end))
    return runs


def _name(sentence: str, run: Span) -> Name:
    start, end = run
    after = _BRACKETS.match(sentence, end)
    place = after.end() if after else end
    title = _TITLE.match(sentence, place)
    particle = _PARTICLE.match(sentence, title.end() if title else place)
    return Name(start, end, particle.group() if particle else "", title is not None)
