"""Numbers as they are written, to values: "1,000", "two hundred and fifty", "3조 5천억". Pure."""

import re
from dataclasses import dataclass
from decimal import Decimal

# ---------------------------------------------------------------- the words

_BIG = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
SCALES = {word: Decimal(value) for word, value in {"hundred": 10**2, **_BIG}.items()}
SCALES |= {"mn": Decimal(10**6), "bn": Decimal(10**9), "tn": Decimal(10**12)}
_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten",
    "eleven",
    "twelve",
    *(f"{stem}teen" for stem in ("thir", "four", "fif", "six", "seven", "eigh", "nine")),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {
    **{word: Decimal(value) for value, word in enumerate(("zero", *_ONES, *_TEENS))},
    **{word: Decimal(10 * value) for value, word in enumerate(_TENS, start=2)},
    **{word: Decimal(value) for word, value in _BIG.items()},
    **{"hundred": Decimal(100), "dozen": Decimal(12)},
}
# A scale by itself is as vague as "several million".
VAGUE = frozenset({"hundred", "dozen", *_BIG})
_NATIVE = ("한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열", "열한", "열두")
NATIVE = {word: Decimal(value) for value, word in enumerate(_NATIVE, start=1)} | {"석": Decimal(3), "넉": Decimal(4)}
_SMALL_KOREAN = {"십": Decimal(10), "백": Decimal(100), "천": Decimal(1000)}
_LARGE_KOREAN = {"만": Decimal(10**4), "억": Decimal(10**8), "조": Decimal(10**12)}

# ---------------------------------------------------------------- how they stand together

DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
KOREAN_PART = rf"{DIGITS}\s?(?:[천백십]\s?[조억만]?|[조억만])"
_AND = r"(?:\sand\s|[\s-])"
_BELOW_100 = rf"(?:(?:{'|'.join(_TENS)})(?:[\s-](?:{'|'.join(_ONES)})\b)?|(?:{'|'.join((*_TEENS, *_ONES, 'zero'))}))\b"
_BELOW_1000 = rf"(?:(?:{_BELOW_100}[\s-])?(?:hundred|dozen)\b(?:{_AND}{_BELOW_100})?|{_BELOW_100})"
_SCALED = rf"(?:(?:{_BELOW_1000}[\s-])?(?:{'|'.join(_BIG)})\b)"
_ARTICLE = rf"(?:an?\s(?=(?:{'|'.join(sorted(VAGUE))})\b))"
SPELLED = rf"(?i:\b{_ARTICLE}?(?:{_SCALED}(?:{_AND}{_SCALED})*(?:{_AND}{_BELOW_1000})?|{_BELOW_1000}))"
_FIRST = "".join(sorted({word[0] for word in _WORDS}))
# Every other letter is passed over at once.
NUMBER_AHEAD = rf"(?=[\d{''.join(sorted({word[0] for word in NATIVE}))}]|(?i:[{_FIRST}]|an?\s))"
_KOREAN_NUMBER = re.compile(rf"({DIGITS})\s?([천백십]?)\s?([조억만]?)")


@dataclass(frozen=True, slots=True)
class Number:
    """A value, what its last written digit stands for (100,000 for "1.5 million"), and the scale it is said in.

    `scale` is 1,000,000 for "two million"; Korean scales stand within a number and count as none.
    """

    value: Decimal
    step: Decimal = Decimal(1)
    scale: Decimal = Decimal(1)


def from_digits(digits: str, scale: str | None) -> Number:
    """Read "1,000", "1.5" and "million"."""
    factor = SCALES[scale.lower()] if scale else Decimal(1)
    return Number(_value(digits) * factor, _step(digits) * factor, factor)


def from_korean(written: str) -> Number:
    """Read "3조 5천억", "1만1,000", "1.5만": a large scale multiplies what stands since the last one."""
    total = section = Decimal(0)
    step = Decimal(1)
    for digits, small, large in _KOREAN_NUMBER.findall(written):
        scale = _SMALL_KOREAN.get(small, Decimal(1))
        section += _value(digits) * scale
        step = _step(digits) * scale * _LARGE_KOREAN.get(large, Decimal(1))
        if large:
            total += section * _LARGE_KOREAN[large]
            section = Decimal(0)
    return Number(total + section, step)


def from_words(written: str) -> Number:
    """Read "two hundred and fifty thousand", "a dozen"."""
    total = current = Decimal(0)
    words = [word for word in re.findall(r"[a-z]+", written.lower()) if word not in ("a", "an", "and")]
    for word in words:
        if word in ("hundred", "dozen"):
            current = max(current, Decimal(1)) * _WORDS[word]
        elif word in _BIG:
            total += max(current, Decimal(1)) * _WORDS[word]
            current = Decimal(0)
        else:
            current += _WORDS[word]
    return Number(total + current, scale=SCALES.get(words[-1], Decimal(1)))


def _value(digits: str) -> Decimal:
    return Decimal(digits.replace(",", ""))


def _step(digits: str) -> Decimal:
    return Decimal((0, (1,), -len(digits.partition(".")[2])))
