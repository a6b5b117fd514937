"""What kind of answer a question asks for, and which spans of a sentence are of that kind. Pure."""

import re
from collections.abc import Sequence
from typing import Literal

# "person" stands for whoever has a name and acts: people, companies, ministries.
AnswerKind = Literal["percent", "money", "date", "number", "person", "place", "reason", "open"]
Span = tuple[int, int]

FIGURES: frozenset[AnswerKind] = frozenset({"percent", "money", "date", "number"})

# Asked in order: "how much of", "what percentage" before "how much"; "몇 년" before "몇".
_ASKS: tuple[tuple[AnswerKind, re.Pattern[str]], ...] = (
    (
        "percent",
        re.compile(
            r"\b(what|which)\s+(percentage|percent|share|proportion|fraction)\b|\bpercentage\b|\bhow\s+many\s+percent\b"
            r"|\brate\b|몇\s*(퍼센트|프로|%)|비율|비중|퍼센트|도입률|율(은|이|을)",
            re.I,
        ),
    ),
    (
        "date",
        re.compile(
            r"\bwhen\b|\b(what|which)\s+(year|date|day|month)\b|\bby\s+what\s+year\b|\bhow\s+(recent|soon)"
            r"|언제|몇\s*(년|월|일|연도)|연도|날짜|어느\s*해|며칠",
            re.I,
        ),
    ),
    (
        "money",
        re.compile(
            r"\bhow\s+much\b|\bbudget\b|\bcosts?\b|\bprice\b|\bfunding\b|\bhow\s+(large|big)\b|\b(what|which)\s+amount\b"
            r"|\bworth\b|얼마|금액|예산|비용|규모|몇\s*(조|억|만)?\s*원",
            re.I,
        ),
    ),
    (
        "number",
        re.compile(
            r"\bhow\s+(many|long|old|often|far|tall|high|fast|large|big)\b|\b(what|which)\s+number\b|\bnumber\s+of\b"
            r"|몇|개수|숫자|수는",
            re.I,
        ),
    ),
    (
        "person",
        re.compile(
            r"\bwho(m|se)?\b|\b(what|which)\s+(person|man|woman|minister|official|author|president|ceo|chairman|people"
            r"|compan(y|ies)|firms?|corporations?|organi[sz]ations?|ministr(y|ies)|agenc(y|ies)|universit(y|ies)"
            r"|outlets?|newspapers?|institutions?|groups?|teams?)\b"
            r"|누가|누구|인물|사람은",
            re.I,
        ),
    ),
    (
        "place",
        re.compile(
            r"\bwhere\b|\b(what|which)\s+(city|country|state|place|region|location|venue|building|continent|town)\b"
            r"|어디|어느\s*(도시|나라|지역|곳|국가)|장소",
            re.I,
        ),
    ),
    ("reason", re.compile(r"\bwhy\b|\bwhat\s+(reason|cause)|왜|이유|까닭", re.I)),
)

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6}\.?"
_AMOUNT = r"\d(?:[\d,]{0,18}\d)?(?:\.\d{1,6})?"
_SCALE = r"(?:\s?(?:hundred|thousand|million|billion|trillion))?"
_SPELLED = (
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    r"|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|dozen|half|twice)\b"
)
_SPANS: dict[AnswerKind, re.Pattern[str]] = {
    "percent": re.compile(rf"{_AMOUNT}\s?(?:%|percent\b|per cent\b|퍼센트|프로)", re.I),
    "money": re.compile(
        rf"(?:[$€£¥₩]\s?{_AMOUNT}{_SCALE}(?:\s?(?:USD|dollars)\b)?)"
        rf"|(?:{_AMOUNT}{_SCALE}\s?(?:won|dollars?|euros?|pounds?|yen|yuan|USD|KRW|EUR)\b)"
        r"|(?:(?:\d[\d,.]{0,15}\s?(?:조|억|만|천)\s?){1,4}\s?(?:원|달러|유로|엔))",
        re.I,
    ),
    "date": re.compile(
        r"\d{4}년(?:\s?\d{1,2}월)?(?:\s?\d{1,2}일)?|\d{1,2}월(?:\s?\d{1,2}일)?|\d{1,2}세기"
        rf"|\b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?\b|\b\d{{1,2}}\s{_MONTH}(?:\s\d{{4}})?\b"
        rf"|\b{_MONTH}\s\d{{4}}\b|\b(?:1[0-9]|20)\d\ds?\b|\b\d{{1,2}}(?:st|nd|rd|th)\b(?:\scentur(?:y|ies))?",
    ),
    "number": re.compile(rf"{_AMOUNT}{_SCALE}(?!\d|[.,]\d|\s?(?:%|percent\b|per cent\b|퍼센트|프로))|{_SPELLED}", re.I),
}
_SPANS["place"] = _SPANS["person"] = re.compile(
    r"(?:\b[A-Z][\w'’-]{1,30})(?:\s(?:of\s|the\s|de\s)?[A-Z][\w'’-]{1,30})*"
)
# The kinds whose spans can be told; a reason or an open question has none.
KINDS_WITH_SPANS = frozenset(_SPANS)


def answer_kind(question: str) -> AnswerKind:
    """What kind of answer the question asks for; "open" when nothing says so."""
    for kind, pattern in _ASKS:
        if pattern.search(question):
            return kind
    return "open"


def spans_of(kind: AnswerKind, sentence: str, question: str) -> list[Span]:
    """Return the spans of the sentence that are of this kind and not already said in the question.

    Names are told by their capital letters, so a Korean name, or a name that begins the sentence, is not seen.
    """
    pattern = _SPANS.get(kind)
    if pattern is None:
        return []
    said = question.casefold()
    spans = [match.span() for match in pattern.finditer(sentence)]
    if kind in ("person", "place"):
        spans = [(start, end) for start, end in spans if start > 0 or " " in sentence[start:end]]
    return [(start, end) for start, end in spans if sentence[start:end].casefold().strip() not in said]


_NAME = re.compile(r"\b[A-Z][\w&'’-]*")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def names_in(question: str) -> list[str]:
    """Return the words of a question that are names: capitalised, and not merely its first word."""
    return [match.group() for match in _NAME.finditer(question) if match.start() > 0]


def numbers_in(question: str) -> list[str]:
    """Return the numbers of a question, without thousands separators."""
    return [match.group().replace(",", "").rstrip(".") for match in _NUMBER.finditer(question)]


def missing_share(wanted: list[str], text: str) -> float:
    """Return the share of the wanted words that the text does not have; 0 when none is wanted."""
    return len(_absent(wanted, text)) / len(wanted) if wanted else 0.0


def _absent(wanted: Sequence[str], text: str) -> list[str]:
    """The wanted words that a text does not have, a possessive without its ending."""
    there = text.replace(",", "").casefold()
    return [word for word in wanted if word.casefold().removesuffix("'s").removesuffix("’s") not in there]


def unsaid(question: str, text: str) -> tuple[str, ...]:
    """Return the names and numbers of a question that a text does not have, in order."""
    return tuple(dict.fromkeys(_absent([*names_in(question), *numbers_in(question)], text)))


_YES_OR_NO = re.compile(
    r"^\s*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|must|wo|ca)(?:n['’]?t)?\s", re.I
)
_KO_ASKS = re.compile(r"언제|누가|누구|어디|무엇|뭐|뭘|무슨|어떤|어떻게|어느|왜|몇|얼마|이유|까닭")
_KO_YES_OR_NO = re.compile(r"(?:까|나|요|가|냐|니|어|지)\s*\?\s*$")


def asks_yes_or_no(question: str) -> bool:
    """Whether a question wants a yes or a no, whose short answer is no span of a text."""
    if _YES_OR_NO.match(question):
        return " or " not in question
    return bool(_KO_YES_OR_NO.search(question)) and not _KO_ASKS.search(question)


_AND_ASKS = re.compile(
    r"\s*(?:[,;?]\s*and|[,;]|\?|\band)\s+(?=(?:who|what|when|where|why|how|which|whose)\b)"
    r"|(?<=[고며])\s*,?\s+(?=(?:누가|누구|언제|어디|왜|몇|얼마|무엇|어떻게)\b)",
    re.I,
)
_BEGINS_BY_ASKING = re.compile(r"\s*(?:\w+\s+)?(?:who|what|when|where|why|how|which|whose)\b|.*[가-힣]", re.I)
_LEAST_PART_WORDS = 3


def parts_of(question: str) -> list[str]:
    """Cut a question that asks two things ("When was it founded, and who leads it?") in two; else return it alone."""
    for match in _AND_ASKS.finditer(question):
        first, second = question[: match.start()].strip(), question[match.end() :].strip()
        if (
            _BEGINS_BY_ASKING.match(first)
            and answer_kind(first) != "open"
            and min(len(first.split()), len(second.split())) >= _LEAST_PART_WORDS
        ):
            return [first.rstrip("?") + "?", second[0].upper() + second[1:]]
    return [question]
