"""Korean follow-up questions: what is left out or pointed at, and how it is put back. Pure.

The counterpart of `english`, and as narrow. A particle tells what a lone noun asks: "예산은?" is an attribute
of the subject, "삼성은?" the last question about another one.
"""

import re

from qa.followups.context import UNDERTAKINGS, Context
from qa.followups.subjects import word_set
from qa.followups.subjects_korean import (
    CLASS_NOUNS,
    PARTICLES,
    RELATIONAL,
    WH,
    topic_words,
    with_particle,
    without_markers,
    without_particle,
)

_POLITE = r"(?:요|인가요|인가|일까요|일까|인지|이야|야|예요|이에요|입니까|죠|지)?"
_MORE = re.compile(
    r"(?:(?:좀|조금)\s*)?(?:(?:더|자세히|구체적으로|상세히|계속)\s*)+(?:(?:좀|더)\s*)?(?:설명|말|이야기|얘기|알려|소개)?\s*"
    r"(?:해|해줘|해\s*줘|해주세요|해\s*주세요|줘|주세요|말해줘|부탁해|부탁합니다)?|자세한\s+내용은|더\s*있어|더\s*있나요"
)
_ADVERB = r"(?:왜|언제|어디서|어디에서|어떻게|얼마나|누가|누구와|누구랑|누구를|무엇을|뭘)"
_BARE = re.compile(
    rf"(?:{_ADVERB}{_POLITE}|왜\s*(?:그래|그런|그렇|그런가|그런데|그렇지|그럴까)\w*|어째서|정말|진짜|예를\s*들면|예시는|예는|또|또\s*있어|다른\s*(?:건|것은|점은)"
    r"|몇\s*(?:개|명|곳|년|퍼센트|%|원)(?:이야|인가요?|야|나요?)?|얼마)"
)
_COPULA = re.compile(
    r"(?:언제|어디|얼마|누구|뭐|무엇|며칠|몇\s*(?:개|명|곳|년|원))(?:야|이야|예요|이에요|인가요?|일까요?|지|죠|입니까|였어|였나요?|였지|이었나요?)"
)
_SWAPPED = re.compile(r"(?<!\S)(?:왜|언제|어디서|어디에서|어떻게)(?!\S)")
_SAID = re.compile(r"누가\s+(?:그랬|그렇게|그런|그래|그걸|그것을|말했|그\s*말)\S*(?:\s+\S+){0,2}")
_TIME = re.compile(
    r"((?:19|20)\d\d년(?:\s*\d{1,2}월)?|\d{1,2}월|(?:작년|올해|내년|지난해|이듬해|지난달|이번\s*달|다음\s*달))(?:에는|에|은|는|엔|의\s*경우는|까지는|도)?"
    r"(?:\s*(?:어때|어떤가|어떻게\s*돼|어떠|요)\S*)?"
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?=년)")
_ORDINAL = r"(?:첫|두|세|네|다섯|여섯)\s*(?:번째|째)|마지막"
_LAST_ORDINAL = re.compile(
    rf"(?:그럼\s*)?({_ORDINAL})\s*(?:것|거|건|방안|과제|축|항목)?(?:은|는|도|이|가|요)?(?:\s*(?:뭐|무엇|어때)\S*)?"
)
_LONE = re.compile(
    r"(?P<noun>[^\s?]+(?:\s+[^\s?]+){0,2}?)(?P<particle>에서는|에게는|으로는|에는|은|는|도|이|가)(?:\s+(?:어때|어떤가|어떤지|어떠|어떻|얼마|언제|어디|누구|뭐|무엇|몇|왜|있|없)\S*(?:\s+(?:돼|되나|되나요|됩니까|있어|있나|있나요|개|명|년|원)\S*)?)?"
)
_PLAIN_ASK = re.compile(r"(?:\s+(?:어때|어떤가|어떤지|어떠|어떻)\S*(?:\s+\S+)?)?$")
_NOUNS = "|".join(sorted(CLASS_NOUNS | RELATIONAL, key=len, reverse=True))
_POINTER = re.compile(
    rf"(?<![^\s(])(?:(?P<noun>(?:그|이|저|해당)\s(?:{_NOUNS}))(?P<noun_particle>{PARTICLES})?(?=[\s?.!,]|$)"
    rf"|(?P<thing>그것들|그것|그거|이것|이거|그들|그녀|그분|그)(?P<thing_particle>{PARTICLES})(?=[\s?.!,]|$)"
    r"|(?P<short>그건|이건|그게|이게|그걸|이걸)(?=[\s?.!,]|$)"
    r"|(?P<place>거기|여기|그곳|이곳)(?P<place_particle>에서는|에서|에는|은|는|에|의|가|서)?(?=[\s?.!,]|$))"
)
_SHORT = {"그건": "은", "이건": "은", "그게": "이", "이게": "이", "그걸": "을", "이걸": "을"}
_PERSONS = word_set("그 그녀 그분 사람 인물 장관 부총리 총장 회장 대표 분")
_BOUND = re.compile(r"(?<![가-힣])(?:[가-힣]{2,}(?:이고|하고|했고|며|이며|와|과|및)|[가-힣]{2,},)\s*$")
_VAGUE = re.compile(
    r"(?:시작|참석|참여|발표|개최|종료|진행|설립|추진|지원|투자|열|끝|있|없|명|개|곳|건|번|했|하|되|됐|되었|열렸|말|밝혔|만들|생겼|걸리|들|나|같이|함께|모두|총|전체)"
)


def rewrite(question: str, context: Context) -> str | None:
    """Return the question with what it leaves out, or None when it leaves nothing out."""
    body = without_markers(question.strip().rstrip("?.! ")).strip()
    if not body or context.names_subject(question):
        return None
    for rule in (_more, _time, _ordinal, _bare, _who_said, _lone_noun, _pointer, _no_noun):
        text = rule(body, context)
        if text is not None:
            return text
    return None


def _more(body: str, context: Context) -> str | None:
    return f"{_bare_name(context.focus)}에 대해 {body}" if _MORE.fullmatch(body) else None


def _time(body: str, context: Context) -> str | None:
    """ "2026년에는?": the last question, at another time."""
    match = _TIME.fullmatch(body)
    if match is None:
        return None
    said, time = list(_YEAR.finditer(context.body)), match.group(1)
    if said and not _YEAR.match(time):
        return context.neutral(body + "?")
    if said:
        return context.body[: said[-1].start()] + time[:4] + context.body[said[-1].end() :] + "?"
    return f"{time} {context.body}?"


def _ordinal(body: str, context: Context) -> str | None:
    match = _LAST_ORDINAL.fullmatch(body)
    if match is None:
        return None
    said = list(re.finditer(_ORDINAL, context.body))
    if len(said) == 1:
        return context.body[: said[0].start()] + match.group(1) + context.body[said[0].end() :] + "?"
    return context.neutral(body + "?")


def _bare(body: str, context: Context) -> str | None:
    """A question word alone: asked of the last question where that holds one too, else of its topic."""
    if _COPULA.fullmatch(body):
        return f"{with_particle(_bare_name(context.focus), '은')} {body}?"
    if _BARE.fullmatch(body) is None:
        return None
    said = list(_SWAPPED.finditer(context.body))
    word = re.match(_SWAPPED, body)
    if word and len(said) == 1 and word.group() == body:
        return context.body[: said[0].start()] + body + context.body[said[0].end() :] + "?"
    return context.neutral(body + "?")


def _who_said(body: str, context: Context) -> str | None:
    return f"{context.topic}에 대해 {body}?" if _SAID.fullmatch(body) else None


def _lone_noun(body: str, context: Context) -> str | None:
    """ "예산은?", "예산은 얼마야?" is an attribute of the subject; "삼성은?" stands for what was asked about."""
    match = _LONE.fullmatch(body)
    if match is None or _POINTER.match(body):
        return None
    noun = match.group("noun")
    if noun.split()[-1] in RELATIONAL and (
        noun in RELATIONAL or (len(noun.split()) == 2 and noun.split()[0] in ("총", "전체"))
    ):
        return f"{_bare_name(context.focus)} {body}?"
    asked = body[match.end("particle") :]
    if match.group("particle") in ("이", "가"):
        return None
    if not _PLAIN_ASK.fullmatch(asked) or (asked and " " in noun) or re.search(r"의\s", noun):
        return None
    said = topic_words(context.question)
    first = said[0] if said else ""
    owner = without_particle(first) if first.endswith("의") else first
    swappable = owner and owner not in CLASS_NOUNS and context.body.startswith(first)
    if swappable and first.endswith("의") and len(said) > 1:
        return f"{noun}의{context.body[len(first) :]}?"
    if swappable and said[-1] not in CLASS_NOUNS | RELATIONAL and context.is_place(noun) == context.is_place(owner):
        return _swapped(noun, " ".join(said), context)
    return context.neutral(body + "?")


def _swapped(noun: str, old: str, context: Context) -> str:
    rest = context.body[len(old) :]
    particle = re.match(r"(?:은|는|이|가|을|를|과|와|으로|로)(?=\s|$)", rest)
    if particle is None:
        return noun + rest + "?"
    return with_particle(noun, particle.group()) + rest[particle.end() :] + "?"


def _pointer(body: str, context: Context) -> str | None:
    """ "그건", "그 회사", "거기": the first one that points out of the question is replaced."""
    for match in _POINTER.finditer(body):
        if _BOUND.search(body[: match.start()]):
            continue
        stand_in = _stand_in(match, context)
        return body[: match.start()] + stand_in + body[match.end() :] + "?" if stand_in else context.neutral(body + "?")
    return None


def _stand_in(match: re.Match[str], context: Context) -> str:
    """The words to put in the pointer's place, particle included; "" when none is sure."""
    group = match.groupdict()
    if group["short"]:
        return with_particle(_bare_name(context.focus), _SHORT[group["short"]])
    if group["place"]:
        particle = group["place_particle"] or ""
        return context.place + ("에서" if particle == "서" else particle) if context.place else ""
    particle = group["noun_particle"] or group["thing_particle"] or ""
    if group["thing"]:
        meant = (context.person or context.named) if group["thing"] in _PERSONS else ""
        return with_particle(_bare_name(meant or context.focus), particle)
    noun = group["noun"].split()[-1]
    if noun in RELATIONAL and noun not in CLASS_NOUNS:
        return f"{_bare_name(context.focus)} {noun}{particle}"
    meant = _of_kind(noun, context)
    return with_particle(_bare_name(meant), particle) if meant else ""


def _of_kind(noun: str, context: Context) -> str:
    """What "그 회사" means: a phrase that ends so, the name asked for, or a subject that may be one."""
    if noun in _PERSONS:
        return context.person or context.named
    if context.named:
        return context.named
    if noun in UNDERTAKINGS or context.subject.endswith(noun):
        return context.subject
    # One word alone is most often a name; a longer phrase may be anything.
    return context.subject if len(context.subject.split()) == 1 else ""


def _bare_name(phrase: str) -> str:
    """The phrase without an English article, which Korean has no place for."""
    return re.sub(r"^(?:the|a|an)\s+(?=\S)", "", phrase, flags=re.I)


def _no_noun(body: str, context: Context) -> str | None:
    """ "언제 시작해?": a question word and a predicate that any subject could have."""
    words = body.split()
    wh = [word for word in words if re.match(rf"^{WH}", word)]
    others = [word for word in words if word not in wh]
    if not wh or not others or len(words) > 3 or not all(_VAGUE.match(word) for word in others):
        return None
    return context.neutral(body + "?")
