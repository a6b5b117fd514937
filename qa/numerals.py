"""Numbers as they are written, to values: "1,000", "two hundred and fifty", "3조 5천억". Pure."""

import re
from dataclasses import dataclass

DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
    "mn": 1e6,
    "bn": 1e9,
    "tn": 1e12,
}
_SMALL_KOREAN = {"십": 1e1, "백": 1e2, "천": 1e3}
_LARGE_KOREAN = {"만": 1e4, "억": 1e8, "조": 1e12}
_ONES = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS = {
    **{word: float(value) for value, word in enumerate(_ONES, start=1)},
    **{word: 10.0 * value for value, word in enumerate(_TENS, start=2)},
    **{word: value for word, value in SCALES.items() if len(word) > 2},
    "dozen": 12.0,
}
NATIVE = {
    word: float(value)
    for value, word in enumerate(("한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열"), start=1)
}
_KOREAN_NUMBER = re.compile(rf"({DIGITS})\s?([천백십]?)\s?([조억만]?)")


@dataclass(frozen=True, slots=True)
class Number:
    """A value, and what its last written digit stands for: 100,000 for "1.5 million"."""

    value: float
    step: float


def from_digits(digits: str, scale: str | None) -> Number:
    """Read "1,000", "1.5" and "million"."""
    factor = SCALES[scale] if scale else 1.0
    return Number(_value(digits) * factor, _step(digits) * factor)


def from_korean(written: str) -> Number:
    """Read "3조 5천억", "1만1,000", "1.5만": a large scale multiplies what stands since the last one."""
    total = section = 0.0
    step = 1.0
    for digits, small, large in _KOREAN_NUMBER.findall(written):
        scale = _SMALL_KOREAN.get(small, 1.0)
        section += _value(digits) * scale
        step = _step(digits) * scale * _LARGE_KOREAN.get(large, 1.0)
        if large:
            total += section * _LARGE_KOREAN[large]
            section = 0.0
    return Number(total + section, step)


def from_words(written: str) -> Number:
    """Read "two hundred and fifty thousand", "a dozen"."""
    total = current = 0.0
    for word in re.findall(r"[a-z]+", written.lower()):
        if word in ("a", "an", "and"):
            continue
        if word in ("hundred", "dozen"):
            current = max(current, 1.0) * WORDS[word]
        elif word in SCALES:
            total += max(current, 1.0) * WORDS[word]
            current = 0.0
        else:
            current += WORDS[word]
    return Number(total + current, 1.0)


def _value(digits: str) -> float:
    return float(digits.replace(",", ""))


def _step(digits: str) -> float:
    return float(10.0 ** -len(digits.partition(".")[2]))
