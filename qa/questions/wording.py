"""The names, numbers and parts of a question. Pure."""

import re
from collections.abc import Sequence

from qa.questions.answers import answer_kind

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


_AND_ASKS = re.compile(
    r"(?<!\s)\s*(?:[,;?]\s*and|[,;]|\?|\band)\s+(?=(?:who|what|when|where|why|how|which|whose)\b)"
    r"|(?<=[고며])(?:\s*+,\s++|\s++)(?=(?:누가|누구|언제|어디|왜|몇|얼마|무엇|어떻게)\b)",
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
