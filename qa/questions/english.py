"""What an English question asks for, and which spans of an English sentence answer to it. Pure."""

import re

from qa.questions.kinds import AnswerKind, Span

# Asked in order: "how much of", "what percentage" before "how much".
_ASKS: tuple[tuple[AnswerKind, str], ...] = (
    (
        "percent",
        r"\b(what|which)\s+(percentage|percent|share|proportion|fraction)\b|\bpercentage\b|\bhow\s+many\s+percent\b"
        r"|\brate\b",
    ),
    (
        "date",
        r"\bwhen\b|\b(what|which)\s+(year|date|day|month)\b|\bby\s+what\s+year\b|\bhow\s+(recent|soon)",
    ),
    (
        "money",
        r"\bhow\s+much\b|\bbudget\b|\bcosts?\b|\bprice\b|\bfunding\b|\bhow\s+(large|big)\b|\b(what|which)\s+(amount|sum)\b"
        r"|\bworth\b",
    ),
    (
        "number",
        r"\bhow\s+(many|long|old|often|far|tall|high|fast|large|big)\b|\b(what|which)\s+number\b|\bnumber\s+of\b",
    ),
    (
        "person",
        r"\bwho(m|se)?\b|\b(what|which)\s+(person|man|woman|minister|official|author|president|ceo|chairman|people"
        r"|compan(y|ies)|firms?|corporations?|organi[sz]ations?|ministr(y|ies)|agenc(y|ies)|universit(y|ies)"
        r"|outlets?|newspapers?|institutions?|groups?|teams?)\b",
    ),
    (
        "place",
        r"\bwhere\b|\b(what|which)\s+(city|country|state|place|region|location|venue|building|continent|town)\b",
    ),
    ("reason", r"\bwhy\b|\bwhat\s+(reason|cause)"),
)
_ASKS_FOR = tuple((kind, re.compile(pattern, re.I)) for kind, pattern in _ASKS)

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6}\.?"
# From its first digit only: what is no amount as a whole is none from its middle.
_AMOUNT = r"(?<!\d)(?<!\d,)\d(?:[\d,]{0,18}\d)?(?:\.\d{1,6})?"
_SCALE = r"(?:\s?(?:hundred|thousand|million|billion|trillion))?"
_SPELLED = (
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    r"|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|dozen|half|twice)\b"
)
_SPANS: dict[AnswerKind, re.Pattern[str]] = {
    "percent": re.compile(rf"{_AMOUNT}\s?(?:%|percent\b|per cent\b)", re.I),
    "money": re.compile(
        rf"(?:[$€£¥₩]\s?{_AMOUNT}{_SCALE}(?:\s?(?:USD|dollars)\b)?)"
        rf"|(?:{_AMOUNT}{_SCALE}\s?(?:won|dollars?|euros?|pounds?|yen|yuan|USD|KRW|EUR)\b)",
        re.I,
    ),
    "date": re.compile(
        rf"\b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?\b|\b\d{{1,2}}\s{_MONTH}(?:\s\d{{4}})?\b"
        rf"|\b{_MONTH}\s\d{{4}}\b|\b(?:1[0-9]|20)\d\ds?\b|\b\d{{1,2}}(?:st|nd|rd|th)\b(?:\scentur(?:y|ies))?",
    ),
    "number": re.compile(rf"{_AMOUNT}{_SCALE}(?!\d|[.,]\d|\s?(?:%|percent\b|per cent\b))|{_SPELLED}", re.I),
}
_SPANS["place"] = _SPANS["person"] = re.compile(
    r"(?:\b[A-Z][\w'’-]{1,30})(?:\s(?:of\s|the\s|de\s)?[A-Z][\w'’-]{1,30})*"
)
_YES_OR_NO = re.compile(
    r"^\s*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|must|wo|ca)(?:n['’]?t)?\s", re.I
)


def answer_kind(question: str) -> AnswerKind:
    """What kind of answer the question asks for; "open" when nothing says so."""
    return next((kind for kind, pattern in _ASKS_FOR if pattern.search(question)), "open")


def asks_yes_or_no(question: str) -> bool:
    """Whether a question wants a yes or a no."""
    return bool(_YES_OR_NO.match(question)) and " or " not in question


def spans_of(kind: AnswerKind, sentence: str, question: str) -> list[Span]:
    """Return the spans of the sentence that are of this kind and not already said in the question.

    Names are told by their capital letters, so a name that begins the sentence with one word is not seen.
    """
    pattern = _SPANS.get(kind)
    if pattern is None:
        return []
    said = question.casefold()
    spans = [match.span() for match in pattern.finditer(sentence)]
    if kind in ("person", "place"):
        spans = [(start, end) for start, end in spans if start > 0 or " " in sentence[start:end]]
    return [(start, end) for start, end in spans if sentence[start:end].casefold().strip() not in said]
