"""What the project knows about languages: which one a text is in, its sentences, its search terms."""

import math
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import sentencex
import Stemmer

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

MAX_SENTENCE_WORDS = 200
MAX_SENTENCE_CHARS = 1200


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ---------------------------------------------------------------- which language

# Words that other languages written in Latin letters do not share.
_ENGLISH_MARKERS = _words(
    "the of and to is are that for with was were this which from has have had been by at it its they their he she "
    "his her what when where who whom whose why how does did do can could would should will you we not be or "
    "as an in about there after many much into than"
)
_SAMPLE_CHARS = 50_000
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
_KOREAN_SHARE = 0.2
_ENGLISH_SHARE = 0.12


def detect_language(text: str) -> str:
    """Say "ko", "en" or "und" (anything else, or too little to tell)."""
    sample = text[:_SAMPLE_CHARS]
    hangul = len(_HANGUL.findall(sample))
    letters = sum(map(str.isalpha, sample))
    if hangul and hangul >= _KOREAN_SHARE * letters:
        return "ko"
    words = _LATIN_WORD.findall(sample.lower())
    if sum(map(len, words)) < 0.5 * letters:
        return "und"
    known = sum(word in _ENGLISH_MARKERS for word in words)
    return "en" if known and known >= _ENGLISH_SHARE * len(words) else "und"


# ---------------------------------------------------------------- sentences

Span = tuple[int, int]

# sentencex takes quadratic time on hostile quotation marks, so it never sees more than this at once.
_WINDOW = 10_000
_NO_WORD = re.compile(r"[\W_]*")
_ENUMERATOR = re.compile(r"[(\[]?(?:\d{1,3}|[A-Za-z])[.)\]]+")
_CLOSING_QUOTE = "\"'”’」』»)]"
_REST_OF_ADDRESS = re.compile(r"[\w-]{1,40}(?:\.[\w-]{1,40}){0,3}\.[a-z]{2,4}\b")
_DOTTED_DATE = re.compile(r"\d{4}\. ?\d{1,2}\. ?\d{1,2}\.$")
_CLAUSE = re.compile(r"(?:[;:—」』】。；：]|[,，、](?!\d))(?:\s|(?<=[」』】。；：，、]))")
_SPACE = re.compile(r"\s")


def split_sentences(text: str, language: str) -> list[Span]:
    """Cut a text into sentences: sorted offsets without surrounding white space, never across a line end.

    Nothing but white space lies between the spans. An overlong sentence is cut at a clause, else at a
    space, else at the limit.
    """
    spans: list[Span] = []
    start = 0
    for line in text.split("\n"):
        if line.strip():
            for sentence in _join(text, [_strip(text, s, e) for s, e in _boundaries(line, start, language)]):
                spans.extend(_shorten(text, *sentence))
        start += len(line) + 1
    return spans


def _boundaries(line: str, offset: int, language: str) -> Iterator[Span]:
    """Yield the raw sentences of one line, window by window; each window restarts at its last sentence."""
    start = 0
    while start < len(line):
        window = line[start : start + _WINDOW]
        is_last = start + _WINDOW >= len(line)
        ends = [end for end in _ends(window, language) if end < len(window)]
        if is_last or not ends:
            ends.append(len(window))
        begin = 0
        for end in ends:
            if window[begin:end].strip():
                yield offset + start + begin, offset + start + end
            begin = end
        start += begin


def _ends(window: str, language: str) -> list[int]:
    """Return where sentencex ends the sentences; none where it gives up."""
    # It panics at "D\xa0. It": white space of more than one byte behind a lone letter. All is one character here too.
    plain = _SPACE.sub(" ", window)
    try:
        return [boundary["end_index"] for boundary in sentencex.get_sentence_boundaries(language, plain)]
    except BaseException as error:
        # A panic in Rust is no Exception, and has no name to catch it by. One text must not end the rest.
        if type(error).__name__ != "PanicException":
            raise
        return []


def _strip(text: str, start: int, end: int) -> Span:
    raw = text[start:end]
    return start + len(raw) - len(raw.lstrip()), end - len(raw) + len(raw.rstrip())


def _join(text: str, spans: list[Span]) -> list[Span]:
    """Join what is no sentence alone: a stray quotation mark, "1.", the Korean particle after a quotation."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and _belongs_together(text, joined[-1], (start, end)):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _belongs_together(text: str, before: Span, after: Span) -> bool:
    if after[1] - before[0] > MAX_SENTENCE_CHARS:
        return False
    first, last = text[after[0]], text[before[1] - 1]
    head = text[before[0] : min(before[1], before[0] + 8)]
    if _NO_WORD.fullmatch(text, after[0], after[1]) or _NO_WORD.fullmatch(text, *before):
        return True
    if before[1] - before[0] < 8 and _ENUMERATOR.fullmatch(head):
        return True
    if last == "." and after[0] == before[1] and _REST_OF_ADDRESS.match(text, *after):
        return True
    if last in _CLOSING_QUOTE and after[0] == before[1]:
        return "가" <= first <= "힣" or first.islower() or "ぁ" <= first <= "ん"
    if last == "." and before[1] - before[0] > 1 and text[before[1] - 2].isdigit():
        tail = text[max(before[0], before[1] - 14) : before[1]]
        return first.isdigit() or _DOTTED_DATE.search(tail) is not None
    return "a" <= first <= "z" and last in ".!?" + _CLOSING_QUOTE


def _shorten(text: str, start: int, end: int) -> Iterator[Span]:
    """Cut one span into spans within the limits; each piece is looked at once, so the time is linear."""
    while True:
        limit = _limit(text, start, end)
        if limit >= end:
            yield start, end
            return
        cut = _cut(text, start, limit)
        yield _strip(text, start, cut)
        start = cut
        while text[start].isspace():
            start += 1


def _limit(text: str, start: int, end: int) -> int:
    """Return where a sentence starting at `start` must end at the latest."""
    limit = min(end, start + MAX_SENTENCE_CHARS)
    for count, space in enumerate(re.finditer(r"\s+", text[start:limit]), start=1):
        if count == MAX_SENTENCE_WORDS:
            return start + space.start()
    return limit


def _cut(text: str, start: int, limit: int) -> int:
    earliest = start + (limit - start) // 3
    for pattern in (_CLAUSE, _SPACE):
        places = [match.end() for match in pattern.finditer(text, earliest, limit)]
        if places:
            return places[-1]
    cut = limit
    while cut > earliest and (unicodedata.combining(text[cut]) or "\u200d" in text[cut - 1 : cut + 1]):
        cut -= 1
    return cut if cut > earliest else limit


# ---------------------------------------------------------------- search terms

_STOP_WORDS = _words(
    "a about above after again all also am an and any are as at be because been before being below between both "
    "but by can could did do does doing down during each few for from further had has have having he her here hers "
    "him his how i if in into is it its itself just me more most my no nor not now of off on once only or other our "
    "out over own please same shall she should so some such tell than that the their theirs them then there these "
    "they this those through to too under until up upon us very was we were what when where which while who whom whose "
    "why will with would you your yours s t don"
)
_KOREAN_STOP_WORDS = _words(
    "무엇 뭐 무어 뭔가 언제 어디 누구 누가 얼마 얼마나 몇 왜 어떻게 어떤 어떠 무슨 어느 어디서 및 등 그 이 저 것 수 때 "
    "그리고 또는 또한 하는 있는 되는 했던 대해 대하여 대한 관해 관한 관하여 위한 위해 통해 따른 따르 모두 가장 "
    "알려줘 알려주세요 알려 말해줘 말해 설명해줘 설명해주세요 설명해 설명하 주세요 하나 있나 되나 했나 하"
)
_KOREAN_QUESTION_ENDING = re.compile(
    r"(?:이었습니까|였습니까|했습니까|됐습니까|되었습니까|입니까|됩니까|합니까|습니까|니까|인가요|인가|인지요|인지|일까요|일까"
    r"|되었나요|됐나요|되나요|될까요|될까|했나요|하나요|할까요|할까|한가요|이었나요|였나요|이었나|였나|었나요|았나요|나요|은가요|는가요"
    r"|는가|은가|었나|았나|했나|됐나|되나|이야|이에요|예요|이죠|죠|까요|가요)$"
)
_KOREAN_PARTICLE = re.compile(
    r"(?:에서는|에게서|에서|에게|으로|까지|부터|이라는|라는|이란|란|은|는|이|가|을|를|의|에|로|와|과|도|만)$"
)
# One token each: a number, an acronym with dots, "R&D", Latin letters with digits, Hangul, another letter run.
_TOKEN = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?(?![a-z])|\d+(?:\.\d+)*(?![a-z\d]))"
    r"|(?P<acronym>(?<![a-z])(?:[a-z]\.){2,6}(?![a-z]))"
    r"|(?P<ampersand>(?<![a-z])[a-z]{1,3}&[a-z]{1,3}(?![a-z]))"
    r"|(?P<latin>[a-z\d\u00df-\u024f]+(?:['’][a-z]+)*)"
    r"|(?P<hangul>[가-힣]+)"
    r"|(?P<other>[^\W_]+?(?=[a-z가-힣\W_]|$))"
)
_HANGUL_RUN = re.compile(r"[가-힣]+")
# Lower-cased, the country would be a stop word.
_UNITED_STATES = re.compile(r"\bU\.?S\.?(?:A\b\.?|(?!\w))")
_KIWI_TAGS = frozenset({"NNG", "NNP", "NR", "XR", "VV", "VA", "VV-R", "VV-I", "VA-R", "VA-I"})


class Analyser:
    """Turns text into search terms: English stems, Korean bigrams (or Kiwi morphemes), plain numbers.

    Its `name` is part of an index: a question is cut by the analyser that cut the articles.
    """

    def __init__(self, korean: Literal["bigrams", "kiwi"] = "bigrams") -> None:
        self.korean = korean
        self.name = f"snowball-english+{korean}/1"
        self._stem = Stemmer.Stemmer("english")

    def tokens(self, text: str) -> list[str]:
        """Return every search term of a text, in order, repeats included."""
        return self._analyse(text, content_only=False)

    def content_tokens(self, text: str) -> list[str]:
        """Return the terms of a question that say what it is about: no function and question words."""
        return self._analyse(text, content_only=True)

    def _analyse(self, text: str, *, content_only: bool) -> list[str]:
        normal = _normalise(text)
        found: list[tuple[int, str]] = []
        for match in _TOKEN.finditer(normal):
            if match.lastgroup != "hangul" or self.korean == "bigrams":
                found.extend((match.start(), token) for token in self._terms(match, content_only=content_only))
        if self.korean == "kiwi" and _HANGUL.search(normal):
            found.extend(self._morphemes(normal, content_only=content_only))
            found.sort(key=lambda pair: pair[0])
        return [token for _, token in found]

    def _terms(self, match: re.Match[str], *, content_only: bool) -> list[str]:
        word = match.group()
        match match.lastgroup:
            case "number":
                return [word.replace(",", "")]
            case "acronym":
                return [word.replace(".", "")]
            case "ampersand":
                return [word]
            case "latin":
                return self._latin(word, content_only=content_only)
            case "hangul":
                return _bigrams(_korean_content(word) if content_only else word)
            case _:
                return _bigrams(word)

    def _latin(self, word: str, *, content_only: bool) -> list[str]:
        plain = word.replace("’", "'")
        if content_only and (plain in _STOP_WORDS or plain.partition("'")[0] in _STOP_WORDS):
            return []
        return [self._stem.stemWord(_without_accents(plain))]

    def _morphemes(self, text: str, *, content_only: bool) -> Iterator[tuple[int, str]]:
        for morpheme in _kiwi().tokenize(text):
            if morpheme.tag in _KIWI_TAGS:
                # A name such as "AI팩토리" is one morpheme; its Latin part has been taken already.
                for form in _HANGUL_RUN.findall(unicodedata.normalize("NFC", morpheme.form)):
                    if not (content_only and form in _KOREAN_STOP_WORDS):
                        yield morpheme.start, form


# Kiwi's lower numbers stand for words of a tag that it does not know.
_KNOWN_FROM = 64


class Morpheme(NamedTuple):
    """A part of a Korean word as Kiwi cuts it: dictionary form, lower-cased, tag (Sejong) and number in its model."""

    form: str
    tag: str
    number: int


def morphemes(text: str) -> list[Morpheme]:
    """Cut a text into its Korean morphemes, in order; a verb stands as its stem. The first call loads Kiwi: 2 s."""
    return [morpheme for morpheme, _ in placed_morphemes(text)]


# The sentences of a question are cut once for what they mean and once for the names in them.
@lru_cache(maxsize=1_000)
def placed_morphemes(text: str) -> tuple[tuple[Morpheme, Span], ...]:
    """Cut a text into its Korean morphemes, each with where it stands."""
    return tuple(
        (
            Morpheme(unicodedata.normalize("NFC", one.form).lower(), one.tag.partition("-")[0], one.id),
            (one.start, min(one.end, len(text))),
        )
        for one in _kiwi().tokenize(text)
    )


def likeness(one: Morpheme, other: Morpheme) -> float:
    """Return the cosine of two morphemes in Kiwi's language model; 0 where it does not know one."""
    if min(one.number, other.number) < _KNOWN_FROM:
        return 0.0
    cosine = float(_kiwi().morpheme_similarity(one.number, other.number))
    return 0.0 if math.isnan(cosine) else cosine


@cache
def _kiwi() -> "Kiwi":
    # Heavy: 400 MB. Loaded only when asked for, and once.
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)


def _normalise(text: str) -> str:
    return _UNITED_STATES.sub("usa", unicodedata.normalize("NFKC", text)).lower()


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


def _korean_content(word: str) -> str:
    """Strip a question ending and a particle; return nothing when only a question word is left."""
    for pattern, shortest in ((_KOREAN_QUESTION_ENDING, 0), (_KOREAN_PARTICLE, 2)):
        if word in _KOREAN_STOP_WORDS:
            return ""
        stripped = pattern.sub("", word[-6:])
        if len(word[:-6]) + len(stripped) >= shortest or word[:-6] + stripped in _KOREAN_STOP_WORDS:
            word = word[:-6] + stripped
    return "" if word in _KOREAN_STOP_WORDS or (word[:1] == "몇" and len(word) <= 2) else word


def _bigrams(run: str) -> list[str]:
    if len(run) < 2:
        return [run] if run else []
    return [run[i : i + 2] for i in range(len(run) - 1)]
