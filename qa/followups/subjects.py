"""What a question or a sentence is about: its noun phrases and names, told by form alone. Pure.

There is no tagger here. English phrases are runs of words that are neither function words nor common verbs; Korean
ones end at a particle. That is enough to say what "it" may be, and each phrase is an exact slice of the text.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

MAX_PHRASE = 80


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text, each once."""
    return frozenset(words.split())


AUXILIARIES = word_set(
    "is are was were be been being am do does did has have had will would can could should may might must shall isn't "
    "aren't wasn't weren't don't doesn't didn't can't cannot couldn't won't wouldn't shouldn't hasn't haven't hadn't"
)
_FUNCTION = AUXILIARIES | word_set(
    "what which who whom whose when where why how i me my you your we us our it its they them their he him his she her "
    "this that these those there here one ones in on at by for from to with about into over under between among "
    "during since until before after than as against through per via without within and or but so if then because "
    "while not no nor also too just only ever already still yet now much many more most less least very really again "
    "else please some any all both each every other another such same up out off away tell explain describe give show "
    "let list summarize ok okay well yes thanks thank hello hi hey really instead exactly currently actually"
)
VERBS = word_set(
    "say says said think thinks thought announce announces announced take takes took taken place happen "
    "happens happened get gets got mean means meant need needs needed want wants wanted use uses used work works "
    "worked help helps make makes made build builds built run runs ran start starts started begin begins began "
    "come comes came go goes went gone see sees saw know knows known find found keep call calls called named "
    "become becomes became put offer offers offered receive receives received spend spends spent pay pays paid "
    "expect expects expected supported attend attends attended open opens opened close closes closed "
    "end ends ended hold holds held lead leads led own owns owned grow grows grew rise rises rose fall falls fell "
    "include includes included regard regards warn warns warned promise promises promised propose proposes proposed "
    "differ differs affect affects cause causes believe believes ask asks asked add adds added create creates "
    "apply applies look looks speak spoke spoken write wrote written lie lies like likes feel exist "
    "worry worries endorse endorses join joins buy buys bought sell sells sold win won lose lost live lives "
    "provide provides contain contains require requires manage manages handle welcome welcomes react reacts seem "
    "done going planned based mentioned intend intends publish published decide decides let give gave given store "
    "compare protect protects update updates updated turn turns turned balance having worth better worse best easier "
    "forget set purchase sounds sound possible necessary true allowed available learn delete remove install "
    "access explains discuss discussed yields"
)
# A noun that is always of something: "the budget" alone asks "of what?".
RELATIONAL = word_set(
    "budget cost costs price goal goals aim aims target targets deadline name date venue location place purpose "
    "reason reasons risk limit advantage disadvantage benefit feature step purposes author authors speaker "
    "speakers participants members size capacity status result results "
    "outcome effect effects benefits advantages disadvantages drawbacks risks limits number amount share rate "
    "percentage total value duration length population capital area owner owners founder founders ceo president "
    "chairman director role schedule timeline timetable details source sources consequences requirements part parts "
    "funding title topic theme conditions steps features difference differences history background impact"
)
# What one calls a thing named before: "this company", "the plan".
CLASS_NOUNS = word_set(
    "company firm plan project programme program law act bill person man woman minister official place city country "
    "region centre center organisation organization institute institution agency ministry alliance association group "
    "event summit meeting conference roundtable strategy policy initiative scheme product service technology system "
    "factory plant lab laboratory university school article report fund measure package body companies firms "
    "plans projects programmes programs laws people ministers officials places cities countries regions measures "
    "centres centers organisations organizations agencies ministries groups events strategies policies products "
    "services technologies systems factories plants labs laboratories universities robots"
)
_DETERMINERS = word_set("the a an")
_JOINING = word_set("of and for on the & de")
ORDINALS = word_set("first second third fourth fifth sixth last next other")
_MODALS = word_set("do does did will would can could should may might must shall")
_ASIDE = word_set("on in at from by during")
_SPEAKERS = word_set("i you we they he she it")
_QUOTED = re.compile(r"[\"“«『「]([^\"“”«»『』「」]{2,80})[\"”»』」]")
_TAKE_PART = re.compile(r"\b(?:takes?|taken|taking|took)\s+(?:part|place)\b", re.I)
_WORD = re.compile(r"[\w&+%$€£₩](?:[\w&+%/'’.-]*[\w&+%])?|[^\w\s]")
_WHEN = re.compile(r"\b(?:in|by|since|until|before|after|for|during)\s+(?:19|20)\d\d\b")
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase and where it stands; asked for in "which plan", an aside in "on the table"."""

    text: str
    start: int
    is_name: bool
    is_definite: bool
    is_asked: bool
    is_aside: bool = False

    @property
    def is_proper(self) -> bool:
        """Whether it is a name and nothing else: "LG Electronics", not "AI factories"."""
        return self.is_name and all(word[0].isupper() or word in _JOINING for word in self.bare.split())

    @property
    def bare(self) -> str:
        """The phrase without its article."""
        first, _, rest = self.text.partition(" ")
        return rest if rest and first.lower() in _DETERMINERS else self.text

    @property
    def weight(self) -> int:
        """How likely it is what later pronouns mean."""
        words = self.bare.lower().split()
        vague = all(word in RELATIONAL or word in CLASS_NOUNS or word in ORDINALS for word in words)
        good = 4 * self.is_name + 2 * self.is_definite + (len(words) > 1)
        return good - 3 * vague - 2 * self.is_asked - 2 * (self.is_aside and not vague)


@lru_cache(maxsize=256)
def phrases(text: str) -> tuple[Phrase, ...]:
    """Return the noun phrases of an English question or sentence, in order."""
    found = [
        Phrase(match.group(1).strip(), match.start(1), is_name=True, is_definite=True, is_asked=False)
        for match in _QUOTED.finditer(text)
        if match.group(1).strip()
    ]
    masked = _TAKE_PART.sub(_dots, _QUOTED.sub(_dots, text))
    for run in _runs([(match.group(), match.start()) for match in _WORD.finditer(masked)]):
        phrase = _phrase(masked, run)
        if phrase is not None:
            found.append(phrase)
    return tuple(sorted(found, key=lambda phrase: phrase.start))


def _dots(match: re.Match[str]) -> str:
    return "." * len(match.group())


Token = tuple[str, int]


def _runs(tokens: list[Token]) -> list[tuple[list[Token], str]]:
    """Cut the tokens into runs of content words; each comes with the word before it."""
    runs: list[tuple[list[Token], str]] = []
    run: list[Token] = []
    before = ""
    for place, (word, start) in enumerate(tokens):
        following = tokens[place + 1][0] if place + 1 < len(tokens) else ""
        if run and _continues(run, word, following):
            run.append((word, start))
        elif word.lower() in _DETERMINERS or not run:
            if run:
                runs.append((run, before))
            before = tokens[place - 1][0].lower() if place else ""
            run = [(word, start)] if word.lower() in _DETERMINERS or _is_content(word, start == 0) else []
        else:
            runs.append((run, before))
            run = []
        if run and word.endswith(("'s", "’s")):
            runs.append((run, before))
            run, before = [], word
    return [*runs, (run, before)] if run else runs


def _continues(run: list[Token], word: str, following: str) -> bool:
    last = run[-1][0]
    if word == "of":
        return last.lower() not in RELATIONAL and last.lower() not in _DETERMINERS and following != ""
    if word.lower() in ("and", "for", "on", "&", "the"):
        return (last[0].isupper() or last in ("of", "and", "on", "for")) and following[:1].isupper()
    if last == "of" and word.lower() in _DETERMINERS:
        return True
    if word.endswith("ed") and "-" not in word and word[0].islower() and last.lower() not in _DETERMINERS:
        return False
    return _is_content(word, False)


def _is_content(word: str, is_first: bool) -> bool:
    lower = word.lower()
    if not word[0].isalnum() or lower.partition("'")[0] in _FUNCTION or lower == "of":
        return False
    if word[0].isupper() and not is_first:
        return True
    return lower not in VERBS


def _phrase(text: str, run: tuple[list[Token], str]) -> Phrase | None:
    tokens, before = run
    if len(tokens) > 1 and (before in _SPEAKERS or text[: tokens[0][1]].lower().endswith("how to ")):
        tokens = tokens[1:] if tokens[0][0][0].islower() else tokens
    if before in _MODALS and tokens[-1][0][0].islower() and len(tokens) > 1 + _has_article(tokens):
        # Such a question has its verb right after its subject: "did the summit surprise them".
        tokens = tokens[:-1]
    while tokens and tokens[-1][0].lower() in ("of", "and", "for", "on", "the", "&"):
        tokens = tokens[:-1]
    if not tokens or (before == "who" and tokens[0][0][0].islower() and not _has_article(tokens)):
        return None
    start = tokens[0][1]
    said = text[start : tokens[-1][1] + len(tokens[-1][0])].removesuffix("'s").removesuffix("’s")
    if len(said) > MAX_PHRASE or not any(len(word) > 1 and not word.isdigit() for word, _ in tokens):
        return None
    if said.lower() in _DETERMINERS:
        return None
    names = [word for word, at in tokens if _is_name(word, at) or (at == 0 and len(tokens) > 1 and _is_name(word, 1))]
    names = [word for word in names if word.lower() not in _DETERMINERS]
    asked = before in ("which", "what", "many", "much", "than")
    definite = _has_article(tokens) and tokens[0][0].lower() == "the"
    return Phrase(said, start, bool(names), definite, asked, before in _ASIDE)


def _has_article(tokens: list[Token]) -> bool:
    return tokens[0][0].lower() in _DETERMINERS


def _is_name(word: str, at: int) -> bool:
    return word[0].isupper() and (at > 0 or sum(map(str.isupper, word)) > 1)


def best_phrase(text: str) -> Phrase | None:
    """Return what an English text is about; None when nothing in it can be told."""
    return max(phrases(text), key=lambda phrase: (phrase.weight, -phrase.start), default=None)


def is_plural(phrase: str) -> bool:
    """Whether a phrase that is no name looks plural: "AI factories", but not "Hyundai Motors" or "the status"."""
    words = re.split(r"\s(?:of|in|for|that|which)\s", phrase)[0].split()
    is_proper = all(word[0].isupper() for word in words)
    return " and " in phrase or (
        not is_proper and words[-1].endswith("s") and not words[-1].endswith(("ss", "us", "is", "’s", "'s"))
    )


def all_phrases(text: str, *, most: int = 3) -> str:
    """Return the telling phrases of an English question, joined by commas: what to search for along with "why?"."""
    found = sorted(phrases(text), key=lambda phrase: -phrase.weight)[:most]
    topic, end = "", -1
    for phrase in sorted(found, key=lambda phrase: phrase.start):
        between = text[end : phrase.start] if end >= 0 else ""
        if re.fullmatch(r"\s+(?:of|for|in|on|with|between)\s+", between):
            topic += between + phrase.text
        else:
            topic += (", " if topic else "") + with_article(phrase.text)
        end = phrase.start + len(phrase.text)
    when = _WHEN.search(text)
    if topic and when and when.group().split()[-1] not in topic:
        topic += f" {when.group()}"
    return " ".join(topic.split())


def with_article(phrase: str) -> str:
    """Return "the plan" for "a plan" and "The plan"; a phrase without an article stays."""
    first, _, rest = phrase.partition(" ")
    return f"the {rest}" if rest and first.lower() in _DETERMINERS else phrase


# A person's name as articles write it: two or three capitalised words with no article before them.
_PERSON = re.compile(r"(?<!the )(?<![\w-])[A-Z][a-z]+(?:-[a-z]+)?(?: [A-Z][a-z]+(?:-[a-z]+)?){1,2}(?![\w-])")
_NO_PERSON = re.compile(
    r"\b(?:Minist\w+|Prime|Deputy|President|Chairman|National|Korea\w*|Grand|Alliance|Project|Summit|University|Institute"
    r"|Center|Centre|Bank|Act|Strategy|News|Factory|Lab|Cloud|Motor|Electronics|The|Mega|Data|Science|United|City)\b"
)
_PLACE = re.compile(r"\b(?:in|at|near)\s+((?:the\s+)?[A-Z][\w-]+(?:\s(?:of\s)?[A-Z][\w-]+)*)")


def person_in(text: str) -> str:
    """Return the first person's name of an English text, or ""."""
    for match in _PERSON.finditer(text):
        if not _NO_PERSON.search(match.group()):
            return match.group()
    return ""


def place_in(text: str) -> str:
    """Return "in Belgium", the first place of an English sentence told by its preposition, or ""."""
    match = _PLACE.search(text)
    return match.group() if match else ""
