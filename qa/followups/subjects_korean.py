"""What a Korean question or sentence is about, and the particles that follow a noun. Pure.

There is no tagger here: a noun phrase ends at a particle, and the words before the topic particle belong to it, so
"ICT대연합이 환영한 프로젝트는 …" is about "ICT대연합이 환영한 프로젝트".
"""

import re

from qa.followups.subjects import word_set

# A noun that is always of something: "예산은?" alone asks "of what?".
RELATIONAL = word_set(
    "예산 목표 비용 가격 금액 규모 기간 일정 날짜 장소 위치 이유 목적 대상 역할 조건 인원 결과 효과 장점 단점 "
    "내용 배경 "
    "이름 명칭 대표 회장 총장 장관 주체 시기 시점 기한 마감 개수 비율 비중 수 참석자 참가자 저자 기능 특징 과제 계획안 "
    "재원 지원금 한도 의미 원인 문제점 절차 방법 방식 순서 출처 근거 세부사항 담당자 총액 투자액 매출 인구 면적 주소"
)
# What one calls a thing named before: "그 회사", "이 사업".
CLASS_NOUNS = word_set(
    "회사 기업 사업 계획 프로젝트 프로그램 법 법안 법률 특별법 사람 인물 장관 부총리 총장 회장 대표 단체 기관 "
    "연구소 센터 행사 회의 "
    "간담회 서밋 도시 나라 국가 지역 전략 기술 정책 제도 제품 서비스 시스템 공장 대학 학교 기사 보고서 기금 "
    "펀드 로봇 연합 협의체 "
    "조치 대책 방안 상품 곳 분 부처 모델 연구실 실험실 시설 단지 사람들 기업들 회사들"
)
WH = r"(?:무엇|뭐|뭘|무얼|언제|어디|누구|누가|얼마나|얼마|몇|왜|어떻게|어떤|어느|무슨|며칠)"
_WH_WORD = re.compile(rf"^{WH}")
_MARKERS = re.compile(r"^(?:(?:그럼|그러면|그리고|그런데|근데|그래서|하지만|그렇다면|또|혹시|참|아|음|네|예),?\s+)+")
# Longest first.
PARTICLES = (
    r"(?:에서는|에게서|에게는|으로는|에서|에게|에는|에도|로는|으로|까지|부터|은|는|이|가|을|를|의|에|로|와|과|도|만)"
)
_PARTICLE = re.compile(rf"(?:이라는|라는|이란|란|{PARTICLES})$")
_TOPIC = re.compile(r"(?:이란|란|은|는)$")
_SUBJECT = re.compile(r"(?:이|가|을|를)$")
_GENITIVE = re.compile(r"의$")
# Verb forms that end like a topic or a subject: "참석한" does not, "참석하는" does.
_ADNOMINAL = re.compile(
    r"(?:하는|되는|있는|없는|받는|같은|많은|높은|낮은|좋은|넓은|시키는|키우는|만드는|늘리는|줄이는|오는|가는|나는|리는|받은|맡은|얻은|깊은|작은|열리는"
    r"|들어가는|이끄는|다루는|쓰는|따르는|짓는|놓은|남은|밝은|넘는|어떤|하고|않은|않는)$"
)
_PREDICATE = re.compile(
    r"(?:나요|까요|가요|니까|습니까|는가|은가|인가|었나|았나|했나|됐나|였나|하나|되나|나|니|냐|지|죠|어|아|야|해|돼|래|요|까|다|줘|주세요|세요)$"
)
_YEAR_WORD = re.compile(r"^(?:19|20)\d\d년(?:에는|에|까지|부터|의|도|은)?$")
_SAID_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d년")
_SENTENCE_WORDS = 12
MAX_TOPIC = 60
_LETTER_WITH_FINAL = frozenset("lmnr")
_READ_WITH_FINAL = frozenset("bcklmnptgBCKLMNPTG")
_DIGIT_WITH_FINAL = frozenset("013678")
_FORMS = {
    "은": ("은", "는"),
    "는": ("은", "는"),
    "이": ("이", "가"),
    "가": ("이", "가"),
    "을": ("을", "를"),
    "를": ("을", "를"),
    "과": ("과", "와"),
    "와": ("과", "와"),
    "으로": ("으로", "로"),
    "로": ("으로", "로"),
    "으로는": ("으로는", "로는"),
    "로는": ("으로는", "로는"),
    "이야": ("이야", "야"),
    "야": ("이야", "야"),
}


def has_final(noun: str) -> bool:
    """Whether the noun, read aloud, ends in a consonant; Latin letters and digits are read the Korean way."""
    word = noun.rstrip(" \"'”’)]」』")
    last = word[-1:]
    if "가" <= last <= "힣":
        return (ord(last) - ord("가")) % 28 != 0
    if last.isdigit():
        return last in _DIGIT_WITH_FINAL
    run = re.search(r"(?<![A-Za-z])[A-Za-z]+$", word)
    # Up to three capitals are spelled out: "SMR" ends in "알". Longer ones are read as a word: "IMEC".
    if run and run.group().isupper() and len(run.group()) <= 3:
        return last.lower() in _LETTER_WITH_FINAL
    return last in _READ_WITH_FINAL


def with_particle(noun: str, particle: str) -> str:
    """Return the noun with the particle in the form that fits its last sound."""
    closed, open_ = _FORMS.get(particle, (particle, particle))
    final = has_final(noun)
    if open_ in ("로", "로는") and final:
        last = noun[-1:]
        final = not ("가" <= last <= "힣" and (ord(last) - ord("가")) % 28 == 8)
    return noun + (closed if final else open_)


def without_markers(question: str) -> str:
    """Return the question without "그럼", "그리고" and the like at its start."""
    return _MARKERS.sub("", question.strip())


def without_particle(word: str) -> str:
    """Return the word without its particle, as long as two characters are left."""
    stripped = _PARTICLE.sub("", word)
    return stripped if len(stripped) >= 2 or (stripped and word != stripped and stripped.isdigit()) else word


def _plain(word: str) -> str:
    return word.strip("?.!,…\"'“”‘’")


def topic_words(question: str) -> list[str]:
    """Return the words of what a question is about, the last without its particle; [] when none is told."""
    words = [word for word in (_plain(word) for word in without_markers(question).split()[:40]) if word]
    end = _end_of(words, _TOPIC)
    if end is None or all(_WH_WORD.match(word) for word in words[:end]):
        end = _end_of(words, _SUBJECT)
    if end is None:
        # What is asked stands behind what it is asked of: "AI 팩토리는 2030년까지 | 몇 개로 늘어나나".
        asked = next((place for place, word in enumerate(words) if place and _WH_WORD.match(word)), len(words))
        nouns = [word for word in words[:asked] if not _WH_WORD.match(word)]
        kept = nouns[:-1] if nouns and _PREDICATE.search(nouns[-1]) else nouns
        words, end = kept, len(kept)
    chosen = words[:end]
    while chosen and (_YEAR_WORD.match(chosen[0]) or _WH_WORD.match(chosen[0])):
        # "어느 회사가 간담회에": the asked-for noun goes with its question word.
        chosen = chosen[2:] if re.match(r"^(?:어느|어떤|무슨|몇)$", chosen[0]) else chosen[1:]
    chosen = [word for word in chosen if not _WH_WORD.match(word)]
    if not chosen:
        rest = [word for word in words[end:] if not _WH_WORD.match(word) and not _PREDICATE.search(word)]
        chosen = rest[:2]
    return [*chosen[:-1], without_particle(chosen[-1])] if chosen else []


def _end_of(words: list[str], particle: re.Pattern[str]) -> int | None:
    """Return the place after the first word with such a particle, verb forms left out; None without one."""
    for place, word in enumerate(words[:_SENTENCE_WORDS], start=1):
        if len(word) > 1 and particle.search(word) and not _ADNOMINAL.search(word) and not _WH_WORD.match(word):
            return place
    return None


def topic(question: str) -> str:
    """Return what a Korean question is about, in its own words; "" when it cannot be told."""
    text = " ".join(topic_words(question))
    year = _SAID_YEAR.search(question)
    text = f"{year.group()} {text}" if text and year and year.group() not in text else text
    return text if len(text) <= MAX_TOPIC else " ".join(text[-MAX_TOPIC:].split()[1:])


def subject(question: str) -> str:
    """Return the topic without an attribute at its end: "스마트공장" of "스마트공장 예산"; class nouns stay."""
    words = topic(question).split()
    words = words[1:] if len(words) > 1 and _SAID_YEAR.fullmatch(words[0]) else words
    while len(words) > 1 and words[-1] in RELATIONAL:
        words = words[:-1]
    if words:
        words[-1] = _GENITIVE.sub("", words[-1]) if len(words[-1]) > 2 else words[-1]
    return " ".join(words)


_ASKS_WHICH = re.compile(
    r"(?:어느|어떤|무슨)\s+(?:회사|기업|기관|단체|사람|부처|나라|도시|곳|대학|센터|법|사업|프로젝트|전략)"
    r"|\S(?:한|된|는|은|던|할|될|킨|긴|린|든)\s(?:회사|기업|기관|단체|사람|부처|인물|나라|도시|곳|대학|센터|법|사업|프로젝트|전략)(?:은|는|이)\s+(?:어디|무엇|뭐|누구|어느)"
)
_THINGS = ("법", "사업", "프로젝트", "전략", "센터")
_TITLES = r"(?:부총리|장관|차관|총장|회장|대표|사장|의원|원장|대통령|총리|교수|시장|위원장)"
_PERSON = re.compile(rf"(?<![가-힣])[가-힣]{{2,4}}(?:\([^)]{{1,30}}\))?\s(?:[\w]{{1,10}}\s)?{_TITLES}")
_PLACE = re.compile(r"(?<![\w&])((?:[\w&]+\s){0,2}[\w&]{2,})에서(?:는)?\s")
_DAY = re.compile(r"\d+(?:일|월|년)")
_BRACKETS = re.compile(r"\([^()]*\)")


_ASKS_WHO = re.compile(r"누가|누구")
_QUOTED = re.compile(r"[‘'“\"「『]([^‘’'“”\"「」『』]{2,40})[’'”\"」』]")


def asked_for(question: str, said: str) -> tuple[str, bool]:
    """Return the name that `said` gives to "who" or "which company", and whether a thing was asked for.

    What acts is the topic of the sentence; a plan or a law stands in quotation marks. "" when nothing was asked so.
    """
    asked = _ASKS_WHICH.search(question)
    if asked is None and not _ASKS_WHO.search(question):
        return "", False
    if asked and any(noun in asked.group() for noun in _THINGS):
        quoted = _QUOTED.search(said)
        return (quoted.group(1) if quoted else ""), True
    named = named_in(said)
    return ("" if named in question else named), asked is not None


def named_in(answer: str) -> str:
    """Return the topic of an answer's first sentence: who or what it is about; "" when it has none."""
    words = _BRACKETS.sub("", answer).split()[:8]
    end = next((at for at, word in enumerate(words, start=1) if len(word) > 2 and _TOPIC.search(word)), 0)
    text = " ".join(words[:end]).partition(" 겸 ")[0]
    text = without_particle(text) if _TOPIC.search(text) else text
    return text.strip("'\"‘’“”") if len(text) <= MAX_TOPIC else ""


def person_in(text: str) -> str:
    """Return the first person with a title, "배경훈 부총리"; "" when there is none."""
    match = _PERSON.search(text)
    return _BRACKETS.sub("", match.group()) if match else ""


def place_in(text: str) -> str:
    """Return what stands before "에서" first, at most three words; "" when nothing does."""
    match = _PLACE.search(text)
    if match is None:
        return ""
    words = match.group(1).split()
    while len(words) > 1 and _PARTICLE.search(words[-2]) and len(words[-2]) > 2:
        words = words[-1:]
    words = [word for word in words if not _DAY.fullmatch(word)]
    return " ".join(word for place, word in enumerate(words) if place or not _PARTICLE.search(word) or len(words) == 1)
