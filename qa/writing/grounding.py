"""Does what a sentence cites really say it? Rules that anyone can follow by hand, and an entailment model if given.

Pure. A rule can only find what is wrong; a sentence with no problem is supported as far as these rules see.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal

from indexer.language import Analyser, detect_language
from qa.writing.quantities import said_in

Problem = Literal[
    "no_citation",
    "unknown_citation",
    "figure",
    "name",
    "quotation",
    "negation",
    "words",
    "not_entailed",
    "markup",
]
Entails = Callable[[str, str], float]
"""Premise and hypothesis to the probability that the premise says the hypothesis."""

# The share of a sentence's content words that must stand in what it cites. A Korean word is several bigrams, and
# another particle changes one of them.
SHARED_WORDS = {"ko": 0.5}
SHARED_WORDS_ELSEWHERE = 0.6
# More content words than this in a row that the cited text lacks are a statement of their own.
FOREIGN_RUN = {"ko": 7}
FOREIGN_RUN_ELSEWHERE = 3
ENTAILED = 0.5


def check(
    sentence: str,
    cited: Sequence[str],
    around: str,
    *,
    analyser: Analyser,
    entails: Entails | None = None,
) -> tuple[Problem, ...]:
    """Return what is wrong with a sentence that cites these texts; nothing when it is supported.

    `around` holds what may lend its names, not its figures: the question, the titles and sources of the articles.
    Numbers, dates and words must stand in the cited texts; names and quotations there or around. A cited sentence
    copied whole is supported.
    """
    if not cited:
        return ("no_citation",)
    letters = _squeezed(sentence)
    if letters and letters in map(_squeezed, cited):
        return ()
    language = detect_language(sentence)
    found: dict[Problem, bool] = {
        "figure": said_in(sentence).is_lacking(map(said_in, cited)),
        "name": bool(foreign_names(sentence, (*cited, around), analyser)),
        "quotation": bool(foreign_quotations(sentence, (*cited, around))),
        "negation": not negation_agrees(sentence, cited, analyser),
        "words": not _shares_words(sentence, cited, language, analyser),
        "not_entailed": entails is not None and entails(" ".join(cited), sentence) < ENTAILED,
    }
    return tuple(problem for problem, there in found.items() if there)


# ---------------------------------------------------------------- names

# A run of letters and digits of one script; Hangul particles stick to foreign words and are cut off.
_WORD = re.compile(
    r"(?:[A-Z]\.){2,}|(?:(?![가-힣ㄱ-ㆎ])[^\W_])(?:(?![가-힣ㄱ-ㆎ])[^\W_]|&(?=\w))*(?:['’][^\W\d_가-힣]+)?"
)
_POSSESSIVE = re.compile(r"['’]s?$")
# How common words end: the first word of a sentence is capitalised without being a name.
_COMMON_ENDING = re.compile(
    r"(?:ly|ing|ed|ions?|ments?|it(?:y|ies)|ness(?:es)?|[eo]rs|ists|ents|als|an[ct]s?|ances?|ences?|ages?|ures?|ties|ies)$"
)
_OPENERS = frozenset({"however", "despite", "since", "until", "although", "instead", "besides", "people"})
_DEMONYM_ENDINGS = frozenset({"n", "an", "ns", "ans", "s", "es"})


def foreign_names(sentence: str, sources: Sequence[str], analyser: Analyser) -> list[str]:
    """Return the names of a sentence that no source has.

    A name is a word with a capital letter; in a Korean sentence any word in other letters.
    """
    known = {_plain(match.group()) for source in sources for match in _WORD.finditer(_normal(source))}
    stems = {stem for source in sources for stem in analyser.tokens(source)}
    sentence = _normal(sentence)
    is_korean = detect_language(sentence) == "ko"
    words = list(_WORD.finditer(sentence))
    foreign = []
    for number, match in enumerate(words):
        word = match.group()
        is_name = len(word) > 1 and word[0].isalpha() if is_korean else any(map(str.isupper, word))
        if not is_name or not analyser.content_tokens(word):
            continue
        if number == 0 and not is_korean and _may_be_common(words, stems, analyser):
            continue
        if not _is_known(_plain(word), known):
            foreign.append(word)
    return foreign


def _may_be_common(words: Sequence[re.Match[str]], stems: set[str], analyser: Analyser) -> bool:
    """Whether the first word of a sentence looks like one that is capitalised for its place only."""
    word = words[0].group()
    if not (word[1:].islower() or len(word) == 1) or (len(words) > 1 and words[1].group()[0].isupper()):
        return False
    plain = word.lower()
    common = _COMMON_ENDING.search(plain) is not None and len(plain) > 5
    return common or plain in _OPENERS or set(analyser.tokens(plain)) <= stems


def _plain(word: str) -> str:
    return _POSSESSIVE.sub("", word.casefold()).replace(".", "").replace("’", "'")


def _is_known(word: str, known: set[str]) -> bool:
    """Whether a name is known; "Korean" goes with "Korea" and the other way round."""
    if word in known:
        return True
    pairs = ((word, other) if len(word) > len(other) else (other, word) for other in known)
    return any(
        len(short) >= 4 and long.startswith(short) and long[len(short) :] in _DEMONYM_ENDINGS for long, short in pairs
    )


# ---------------------------------------------------------------- quotations

_QUOTATION = re.compile(
    r'"([^"\n]{2,400})"|“([^“”\n]{2,400})”|「([^「」\n]{2,400})」|『([^『』\n]{2,400})』|《([^《》\n]{2,400})》'
    r"|‘([^‘’가-힣\n]{0,400}[가-힣][^‘’\n]{0,400})’"
)
_NOT_LETTERS = re.compile(r"[\W_]+")


def foreign_quotations(sentence: str, sources: Sequence[str]) -> list[str]:
    """Return what a sentence puts between quotation marks and no source says in these words."""
    # Unicode's compatibility form would take curly quotation marks apart, so only their contents are normalised.
    texts = [_squeezed(source) for source in sources]
    quoted = (next(filter(None, match.groups())) for match in _QUOTATION.finditer(sentence))
    return [words for words in quoted if not any(_squeezed(words) in text for text in texts)]


def _squeezed(text: str) -> str:
    """Letters and digits only: spaces and the comma before a closing mark are a matter of style."""
    return _NOT_LETTERS.sub("", _normal(text).casefold())


# ---------------------------------------------------------------- negation

_CLAUSE = re.compile(
    r"[;:—–()]|[,，、](?!\d)|\b(?:but|although|though|while|whereas|because|and)\b|(?<=지만)\s|(?<=으나)\s|(?<=는데)\s|(?<=[하되이며]고)\s",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:not(?!\s(?:only|just|merely)\b)|no(?!\.\s?\d|\sdoubt\b)|never|neither|none|nobody|nothing|nowhere|cannot|unable"
    r"|hardly)\b|n['’]t\b"
    r"|않|(?<!끊임)(?<!틀림)(?<!어김)(?<!변함)없|(?<![잘연])못(?!지\s?않)|아니(?!라\s)|아닌|아닙|(?<!만 )(?<!뿐 )아니라"
    r"|(?<![가-힣])안\s(?=[되된돼하한했할])",
    re.IGNORECASE,
)
# Verbs that turn what follows into its opposite: "did not deny" is not "denied".
_OPPOSITE = re.compile(
    r"\b(?:without|den(?:y|ies|ied|ying|ial)|refus(?:e|es|ed|ing|al)|reject(?:s|ed|ing|ion)?|fail(?:s|ed|ing|ure)?\sto"
    r"|lack(?:s|ed|ing)?)\b|부인(?=[하했한]|\s?하)|거부|거절|반려",
    re.IGNORECASE,
)


def negates(clause: str) -> bool:
    """Whether a clause says that something is not so; a denied negation does not."""
    return (_NOT.search(clause) is not None) != (_OPPOSITE.search(clause) is not None)


def negation_agrees(sentence: str, cited: Sequence[str], analyser: Analyser) -> bool:
    """Whether each clause of the sentence negates where the cited clause most like it does.

    Where clauses equally alike disagree, the whole cited texts decide.
    """
    clauses = [(set(analyser.tokens(part)), negates(part)) for text in cited for part in _clauses(text)]
    whole = {any(negates(part) for part in _clauses(text)) for text in cited}
    for part in _clauses(sentence):
        words = [tokens for word in part.split() if (tokens := set(analyser.content_tokens(word)))]
        # By words, not by tokens: a long Korean name is many bigrams, and would outweigh what is said of it.
        shared = [sum(2 * len(tokens & there) >= len(tokens) for tokens in words) for there, _ in clauses]
        most = max(shared, default=0)
        if not most:
            continue
        alike = {negated for (_, negated), count in zip(clauses, shared, strict=True) if count == most}
        if negates(part) not in (alike if len(alike) == 1 else whole):
            return False
    return True


def _clauses(text: str) -> list[str]:
    return [part for part in _CLAUSE.split(text) if part.strip()]


# ---------------------------------------------------------------- words


def _shares_words(sentence: str, cited: Sequence[str], language: str, analyser: Analyser) -> bool:
    """Whether enough of the content words stand in the cited texts, and no long run of them is foreign."""
    known = {token for text in cited for token in analyser.tokens(text)}
    present = [token in known for token in analyser.content_tokens(sentence)]
    if not present or sum(present) / len(present) < SHARED_WORDS.get(language, SHARED_WORDS_ELSEWHERE):
        return False
    longest = run = 0
    for there in present:
        run = 0 if there else run + 1
        longest = max(longest, run)
    return longest <= FOREIGN_RUN.get(language, FOREIGN_RUN_ELSEWHERE)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
