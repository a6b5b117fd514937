"""English follow-up questions: what is left out or pointed at, and how it is put back. Pure.

`rewrite` returns None for a question that is complete by itself; that is the usual case, and every rule here is
narrow on purpose: a new topic taken for a follow-up is worse than a follow-up missed.
"""

import re

from qa.followups.context import UNDERTAKINGS, Context
from qa.followups.subjects import (
    AUXILIARIES,
    CLASS_NOUNS,
    RELATIONAL,
    VERBS,
    YEAR,
    Phrase,
    is_plural,
    phrases,
    with_article,
)

_LEAD = r"(?:(?:and|but|so|or|then|ok|okay|also|what\s+about|how\s+about)\b[\s,]*)"
_AUX = "(?:" + "|".join(sorted(word for word in AUXILIARIES if word.isalpha() and word not in ("am", "be"))) + ")"
_WH = r"(?:what|which|who|whom|whose|when|where|why|how)"
_THE_CLASS = "|".join(sorted(CLASS_NOUNS, key=len, reverse=True))

_MORE = re.compile(
    r"(?:(?:please|and|can\s+you|could\s+you)\s+){0,2}(?:tell\s+me\s+more|(?:some\s+|a\s+bit\s+)?more(?:\s+details?|\s+information)?"
    r"|details|go\s+on|continue|elaborate|explain(?:\s+more|\s+further)?|say\s+more|(?:explain\s+)?in\s+(?:more\s+)?detail"
    r"|(?:give|show)\s+me\s+more(?:\s+details?|\s+information)?)(?:\s+please)?(?:\s+(?:about|on)\s+(?:it|that|this|them))?",
    re.I,
)
_BARE = re.compile(
    rf"{_LEAD}?(why\s+not|why|when|where|who|how\s+(?:come|so|much|many|long|often|big|far)|how|(?:since|until|by)\s+when"
    r"|(?:by|for|to|with)\s+whom|which\s+ones?|which|what\s+else|who\s+else|where\s+else|anything\s+else|really|such\s+as"
    r"|for\s+(?:example|instance)|like\s+what|what\s+for|examples?|what)",
    re.I,
)
_SWAPPED = ("why", "when", "where", "how")
_WH_CLAUSE = re.compile(rf"(?:why|when|where|how)\s+({_AUX}\b.+)", re.I | re.S)
_YES_NO = re.compile(rf"({_AUX})\s+(?!not\b)(.+)", re.I | re.S)
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December)(?:\s+(?:19|20)\d\d)?"
)
_RELATIVE_TIME = r"(?:last|this|next)\s+(?:year|month|week)"
_TIMES = (YEAR, re.compile(rf"\b{_MONTH}\b"), re.compile(rf"\b{_RELATIVE_TIME}\b", re.I))
_TIME = re.compile(
    rf"{_LEAD}*((?:in|for|by|during|since|until|before|after|from|of)\s+)?((?:19|20)\d\d|{_MONTH}|{_RELATIVE_TIME})(?:\s+then)?",
    re.I,
)
_NOW = re.compile(r"(?<!\s)\s+(?:at\s+present|now|currently|today|at\s+the\s+moment)$", re.I)
_ORDINAL_WORD = r"(?:first|second|third|fourth|fifth|sixth|last)"
_ORDINAL = re.compile(rf"{_LEAD}*(?:the\s+)?({_ORDINAL_WORD}|next|other)(?:\s+ones?)?", re.I)
_WHO_SAID = re.compile(
    rf"{_LEAD}?(who\s+(?:said|says|claimed|claims|thinks|wrote|stated|announced|reported|believes))\s+(?:that|this|it|so)",
    re.I,
)
_WHAT_ABOUT = re.compile(
    r"(?:(?:and|but|so|or|then|ok|okay)[\s,]+)?(?:what|how)\s+about\s+(.+)|(?:and|or|but)\s+(?:(?:for|in|at|with|by)\s+)?(.+)",
    re.I | re.S,
)
_RELATIONAL_ONLY = re.compile(
    rf"{_LEAD}*({_WH}(?:\s+(?:much|large|big|high|long))?\s+(?:is|are|was|were|will\s+be)\s+the\s+(?:\w+\s+)?({'|'.join(sorted(RELATIONAL))}))",
    re.I,
)
_END = r"(?=\s*(?:[?.!,;]|$))"
_POINTERS = re.compile(
    r"\b(?:(?P<class>(?:this|that|these|those)\s+(?:same\s+)?(?:" + _THE_CLASS + r"))\b(?!\s+of\b)"
    r"|(?P<the>the\s+(?:"
    + _THE_CLASS
    + r"))(?=\s*(?:[?.!,;]|$)|'s\b|\s+"
    + _AUX
    + r"\b|\s+(?:"
    + "|".join(sorted(VERBS))
    + r"|based|located|for|in)\b)"
    r"|(?P<person>he|she|him|his|her|hers)|(?P<thing>it|its|they|them|their|theirs)|(?P<there>there)"
    r"|(?P<this>this|that|these|those))\b",
    re.I,
)
_POSSESSIVE = ("its", "their", "theirs", "his", "her", "hers")
_EXPLETIVE_IT = re.compile(
    r"\s+(?:(?:also|really|still|even|too|so|not|a|an|more|any)\s+){0,2}"
    r"(?!going|related|close|near|similar|due|set|able|supposed|open|limited|tied|linked|connected|subject|\w+ed\b)\w+"
    r"\s+(?:idea\s+|good\s+)?(?:to|that|if|for|when|whether)\s+\w|\s+(?:takes?|makes?|true|mean)\s+(?:\w+\s+){0,3}(?:to|that|for|when|if)\b"
    r"|\s+(?:rain|snow)|\s+(?:depends?|seems)\b",
    re.I,
)
_NOT_THERE = re.compile(rf"\s+(?:{_AUX}|any|some|more|a|an|no)\b", re.I)
_AFTER_THIS = re.compile(
    rf"\s*(?:[?.!,;]|$)|\s+(?:{_AUX}|mean|means|happen|happens|work|works|help|helps|cost|costs|for|in|to|with|about|by|the|all|only)\b",
    re.I,
)
_BEFORE_THAT = re.compile(
    rf"(?:^|[,;]|\b(?:{_AUX}|{_WH}|about|of|like|from|for|with|after|before|by|to|on|in|and|but|so))\s*$", re.I
)
# "This year" is a time; "does that mean we should" is a turn of speech.
_NO_POINTER = re.compile(r"\s+(?:year|month|week|day|morning|time|century|decade|days)\b|\s+means?\s+\w", re.I)
_BOUNDARY = re.compile(
    r"[,;:]|\s[-–—]\s|\b(?:and|but|if|when|because|while|after|before|since|that|who|which|or|so|than|how)\b", re.I
)
_MAX_FRAGMENT_WORDS = 6
_MAX_KEYWORDS = 3
# Above this cosine to the last question, bare keywords go on with it (the `dev` half of benchmarks/followups.py).
_SAME_TOPIC = 0.3
# A remark may say "it" and ask nothing; only what is put as one short question is searched for what "it" is.
_MAX_WORDS = 18
_ASKS = re.compile(
    rf"(?:{_WH}|{_AUX}|in|for|by|to|at|tell|explain|describe|show|give|list|summari[sz]e|compare)\b", re.I
)
_INNER_END = re.compile(r"[.?!]\s+\S")
_ONE = re.compile(
    rf"{_WH}?\s*\bwhich\s+ones?\b(?!\s+of\b).*|.*\b(?:create|get|need|build|make|buy|have|use|choose|find|open|own)\s+ones?",
    re.I | re.S,
)


def rewrite(question: str, context: Context) -> str | None:
    """Return the question with what it leaves out, or None when it leaves nothing out.

    A rule that knows a follow-up but no good words for it returns the neutral form, "question (topic)".
    """
    body = question.strip().rstrip("?.! ").strip()
    if not body or context.names_subject(question):
        return None
    for rule in (_more, _time, _ordinal, _bare, _who_said, _relational, _what_about, _one, _pointer, _keywords):
        text = rule(body, context)
        if text is not None:
            return text
    return None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "?"


def _more(body: str, context: Context) -> str | None:
    return f"Tell me more about {context.focus}." if _MORE.fullmatch(body) else None


def _bare(body: str, context: Context) -> str | None:
    """A question word alone: asked of the last question's clause where it has one, else of its topic."""
    match = _BARE.fullmatch(body)
    if match is None:
        return None
    word = match.group(1)
    clause = _WH_CLAUSE.fullmatch(context.body)
    yes_no = _YES_NO.fullmatch(context.body)
    if word.lower() in _SWAPPED:
        if clause:
            return _sentence(f"{word} {clause.group(1)}")
        if yes_no:
            return _sentence(f"{word} {yes_no.group(1).lower()} {yes_no.group(2)}")
    return context.neutral(_sentence(body))


def _time(body: str, context: Context) -> str | None:
    """ "And in 2026?": the last question, at another time."""
    match = _TIME.fullmatch(body)
    if match is None:
        return None
    preposition, time = match.groups()
    for pattern in _TIMES:
        said = list(pattern.finditer(context.body))
        if said and pattern.fullmatch(time):
            start, end = said[-1].span()
            return _sentence(context.body[:start] + time + context.body[end:])
    year = YEAR.search(context.body)
    if year and _TIMES[1].fullmatch(time):
        return _sentence(f"{context.body[: year.start()]}{time} {context.body[year.start() :]}")
    body = _NOW.sub("", context.body)
    default = "" if time[0].islower() or time.lower().startswith(("last", "this", "next")) else "in "
    return _sentence(f"{body} {(preposition or default)}{time}")


def _ordinal(body: str, context: Context) -> str | None:
    match = _ORDINAL.fullmatch(body)
    if match is None:
        return None
    said = list(re.finditer(rf"\b{_ORDINAL_WORD}\b", context.body, re.I))
    if len(said) == 1 and match.group(1).lower() not in ("next", "other"):
        start, end = said[0].span()
        return _sentence(context.body[:start] + match.group(1).lower() + context.body[end:])
    return context.neutral(_sentence(body))


def _who_said(body: str, context: Context) -> str | None:
    match = _WHO_SAID.fullmatch(body)
    return _sentence(f"{match.group(1)} that about {context.topic}") if match else None


def _relational(body: str, context: Context) -> str | None:
    """ "What is the budget?": of what is left out."""
    match = _RELATIONAL_ONLY.fullmatch(body)
    return _sentence(f"{match.group(1)} of {context.focus}") if match else None


def _what_about(body: str, context: Context) -> str | None:
    """ "What about Samsung?": the last question with one phrase put in another's place."""
    match = _WHAT_ABOUT.fullmatch(body)
    if match is None:
        return None
    fragment = (match.group(1) or match.group(2)).strip()
    words = fragment.split()
    if len(words) > _MAX_FRAGMENT_WORDS or _has_clause(words):
        return None
    if _POINTERS.fullmatch(fragment):
        return f"What about {context.focus}?"
    found = phrases(f", {fragment}")
    if not found:
        return None
    bare = found[0].bare
    if bare.lower().split()[-1] in RELATIONAL and len(found) == 1:
        return f"What about {'' if words[0].lower() != 'the' else 'the '}{bare} of {context.focus}?"
    if _POINTERS.search(fragment):
        return context.neutral(_sentence(body))
    target = _target(fragment, found[0], context)
    if target is None or fragment.lower() in context.body.lower():
        return context.neutral(_sentence(body))
    return _sentence(context.body[: target.start] + fragment + context.body[target.start + len(target.text) :])


def _has_clause(words: list[str]) -> bool:
    lower = [word.lower().strip(",;") for word in words]
    return any(
        word in AUXILIARIES or word in ("i", "we", "you", "why", "how", "when", "where", "who", "what", "which")
        for word in lower
    ) or (len(words) > 1 and lower[0] in VERBS)


def _target(fragment: str, new: Phrase, context: Context) -> Phrase | None:
    """Which phrase of the last question the new one stands for: a place for a place, a name for a name."""
    said = [phrase for phrase in phrases(context.question) if not phrase.is_asked]
    is_place = context.is_place(new.bare)
    same = [p for p in said if p.is_proper == new.is_proper and context.is_place(p.bare) == is_place]
    if not new.is_proper:
        same = [phrase for phrase in same if phrase.bare.lower().split()[-1] not in RELATIONAL]
    if len(same) > 1 or not new.is_proper:
        nearest = context.nearest(fragment, [phrase.text for phrase in same])
        if nearest is not None:
            return same[nearest]
    return same[0] if same and new.is_proper else None


def _pointer(body: str, context: Context) -> str | None:
    """ "It", "that company", "there": the first one that points out of the question is replaced."""
    lead = re.match(rf"(?:(?:and|but|so|then|ok|okay)\b[\s,]+)+(?={_WH}|{_AUX}\b|in\b)", body, re.I)
    said = body[lead.end() :] if lead else body
    if not _ASKS.match(said) or _INNER_END.search(said) or len(said.split()) > _MAX_WORDS:
        return None
    for match in _POINTERS.finditer(said):
        if _dangles(match, said):
            stand_in = _stand_in(match, said, context)
            if stand_in.lower() == match.group().lower() or (not stand_in and match.lastgroup == "the"):
                continue
            if not stand_in:
                return context.neutral(_sentence(body))
            before, after = said[: match.start()], said[match.end() :]
            if match.lastgroup == "thing" and match.group().lower() not in _POSSESSIVE:
                before, after = _agreeing(before, stand_in, after)
            return _sentence(before + stand_in + after)
    return None


_SINGULAR = {"is": "are", "was": "were", "does": "do", "has": "have"}
_PLURAL = {many: one for one, many in _SINGULAR.items()}
_NEXT_TO = (re.compile(r"\b(\w+)(?=\s+$)"), re.compile(r"(?<=^\s)(\w+)\b"))


def _agreeing(before: str, noun: str, after: str) -> tuple[str, str]:
    """The verb next to a pronoun, in the number of the noun that takes its place."""
    forms = _SINGULAR if is_plural(noun) else _PLURAL
    first, second = (
        pattern.sub(lambda verb: forms.get(verb.group().lower(), verb.group()), text)
        for pattern, text in zip(_NEXT_TO, (before, after), strict=True)
    )
    return (first, after) if first != before else (before, second)


def _one(body: str, context: Context) -> str | None:
    """ "Which one is better?": one of what is left out."""
    return context.neutral(_sentence(body)) if _ONE.fullmatch(body) else None


def _keywords(body: str, context: Context) -> str | None:
    """ "Disaster recovery": no question at all; the embedder says whether it goes on with the last one."""
    words = body.split()
    if len(words) > _MAX_KEYWORDS or _has_clause(words) or words[0].lower() in VERBS or context.similarity is None:
        return None
    if any(word[:1].isupper() for word in words[1:]) or not phrases(f", {body}"):
        return None
    return context.neutral(_sentence(body)) if context.similarity(body, context.question) >= _SAME_TOPIC else None


def _dangles(match: re.Match[str], body: str) -> bool:
    before, after = body[: match.start()], body[match.end() :]
    word, kind = match.group().lower(), match.lastgroup
    if _is_bound(before, possessive=word in _POSSESSIVE):
        return False
    if kind == "the":
        return not re.search(r"\d", body) and not any(phrase.is_name for phrase in phrases(body))
    if kind == "there":
        return not _NOT_THERE.match(after) and not re.search(rf"\b{_AUX}(?:n['’]t)?(?:\s+not)?\s*$", before, re.I)
    if kind == "this":
        if _NO_POINTER.match(after) or not _AFTER_THIS.match(after):
            return False
        return word != "that" or re.fullmatch(r"\s*", after) is not None or _BEFORE_THAT.search(before) is not None
    if word == "it":
        return not _EXPLETIVE_IT.match(after)
    return True


def _is_bound(before: str, *, possessive: bool) -> bool:
    """Whether a phrase earlier in the same question is what the pronoun means."""
    own = [phrase for phrase in phrases(before) if phrase.bare.lower() not in RELATIONAL and not phrase.is_asked]
    if not own:
        return False
    end = own[0].start + len(own[0].text)
    return possessive or _BOUNDARY.search(before, end) is not None


def _stand_in(match: re.Match[str], body: str, context: Context) -> str:
    """The words to put in the pronoun's place, in its grammatical form; "" when none is sure."""
    word, kind = match.group().lower(), match.lastgroup
    if kind == "there":
        return context.place or f"at {context.focus}"
    is_possessive = word in _POSSESSIVE and (word != "her" or re.match(r"\s+\w", body[match.end() :]) is not None)
    if kind == "person":
        meant = context.person or context.subject
    elif kind in ("class", "the"):
        meant = _of_kind(word.split()[-1], context, is_sure=kind == "the")
    else:
        meant = _several(context) if word in ("they", "them", "their", "these", "those") else context.focus
    meant = with_article(meant)
    if len(meant.split()) > 1 and meant[0].isupper() and meant.lower().split()[-1] in UNDERTAKINGS:
        meant = f"the {meant}"
    return meant + ("'" if meant.endswith("s") else "'s") * is_possessive


def _several(context: Context) -> str:
    """What "they" means: those the answer named, two alike in the question, else the subject."""
    if context.named:
        return context.named
    said = phrases(context.question)
    alike = [phrase for phrase in said if phrase.is_name and phrase.bare in context.subject] and [
        phrase for phrase in said if phrase.is_name and phrase.weight == max(other.weight for other in said)
    ]
    if len(alike) == 2:
        return " and ".join(phrase.text for phrase in alike)
    many = [phrase for phrase in said if is_plural(phrase.text) and phrase.bare.lower() not in RELATIONAL]
    if many and not is_plural(context.subject):
        return max(many, key=lambda phrase: phrase.weight).text
    return context.subject


_PERSON_NOUNS = ("person", "man", "woman", "minister", "official")
_PLACE_NOUNS = ("place", "city", "country", "region")


def _of_kind(noun: str, context: Context, *, is_sure: bool) -> str:
    """What "this company" means; `is_sure` asks that the noun itself was said ("the programme")."""
    if context.named and context.asks_thing and noun in context.question.lower():
        return context.named
    for phrase in (*phrases(context.question), *phrases(f", {context.said}")):
        if phrase.bare.lower().split()[-1] == noun and len(phrase.bare.split()) > 1 and not phrase.is_asked:
            return phrase.text
    if noun in _PERSON_NOUNS:
        return context.person
    if context.named and (context.asks_thing or not is_sure):
        return context.named
    if is_sure:
        return ""
    if noun in _PLACE_NOUNS:
        return context.place.partition(" ")[2]
    if noun in UNDERTAKINGS or noun in context.subject.lower():
        return context.focus
    return context.focus if any(phrase.is_name for phrase in phrases(f", {context.focus}")) else ""
