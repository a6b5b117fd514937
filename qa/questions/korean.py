"""What a Korean question asks for: the kind of answer, and the unit of a figure. Pure.

A question says it by its question word ("몇 명", "언제"), else by the noun that it ends with ("설립 연도는?").
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from qa.questions.kinds import AnswerKind
from qa.questions.korean_nouns import noun_asked


@dataclass(frozen=True, slots=True)
class Asked:
    """A kind of answer, and the `unit` it is to have: a counter ("명"), a measure ("length"), a part of a date
    ("year"), "body" for a company or an office; "" for any. `particle` follows 누구 or 어디 in the question.
    """

    kind: AnswerKind
    unit: str = ""
    particle: str = ""


# ---------------------------------------------------------------- 몇

_HOW_MANY = re.compile(
    r"(?<!몇)몇(?!몇)\s*(?P<scale>(?:[천백십만억조]\s*(?!년)){0,3})(?P<unit>[가-힣]{1,8}|%|[a-zA-Z]{1,4}|)"
)
_MONEY_UNITS = ("원", "달러", "유로", "엔", "위안", "파운드", "프랑")
_OF_DATES = {"년대": "", "년도": "year", "연도": "year", "월": "month", "일": "day", "세기": "century"}
_LASTS = re.compile(
    r"\s*(?:동안|간|이나|만에|째|씩|형|마다|후|뒤|전|을|이?\s?(?:걸|지났|지나|흘|소요|남)|정도\s?(?:걸|소요)|에\s?(?:한\s?번|\d))"
)
_LASTED = re.compile(r"(?:징역|임기는?|수명은?|주기는?|약|총|최대|최소|향후|앞으로)\s*$")
_LASTING = ("개월", "달", "시간", "분", "초", "주일", "주간", "주")
_COUNTER_WORDS = (
    "번째 째 인조 관왕 부작 학년 주년 개국 군데 가지 종류 차례 마리 그루 가구 세대 단지 층 명 사람 개소 개 곳 건 "
    "편 권 장 대 척 채 점 표 회 번 위 등 호 살 세 골 곡 승 패 배 차 기 홈런 타점 경기 나라 도시 등급 조 집 강 "
    "종 벌 잔 병 인칭 뷰 킬로 센티 미터 톤 평 도 칸 판 통 줄 면 쪽 페이지"
)
_COUNTERS = tuple(_COUNTER_WORDS.split())


def _how_many(question: str) -> Asked | None:
    match = _HOW_MANY.search(question)
    if match is None:
        return None
    unit, after = match["unit"], question[match.end("scale") :].lstrip()
    if unit.startswith(("퍼센트", "프로", "%")) and not unit.startswith("프로그램"):
        return Asked("percent")
    if unit.startswith(_MONEY_UNITS) or ("억" in match["scale"] and not unit.startswith(_COUNTERS)):
        return Asked("money", next((one for one in _MONEY_UNITS if unit.startswith(one)), ""))
    for name, part in _OF_DATES.items():
        if unit.startswith(name) and not (name == "일" and _LASTS.match(after[1:])):
            return Asked("date", part)
    if unit.startswith("년"):
        lasts = _LASTS.match(after[1:]) or _LASTED.search(question[: match.start()])
        return Asked("number", "duration") if lasts else Asked("date", "year")
    if unit.startswith(("일", *_LASTING)) and not unit.startswith("주년"):
        return Asked("number", "duration")
    if re.match(r"시(?![가-힣])|시(?:에|부터|까지|쯤|경|인|이|였)", unit):
        return Asked("date", "time")
    if re.match(r"k?m|c?m|mm", unit):
        return Asked("number", "length")
    known = next((counter for counter in _COUNTERS if unit.startswith(counter)), None)
    return Asked("number", known or re.sub(r"(?:을|를|이|가|은|는|의|에|로|으로|인가.*|이나|이었.*|였.*)$", "", unit))


# ---------------------------------------------------------------- 얼마

_LONG = re.compile(r"얼마나?\s*(?:만에|동안|후|뒤|전|걸|오래|지났|지나|살았|있었|머물)|얼마나\s*(?:됐|되었|된)")
_PAID = re.compile(
    r"얼마(?:를|에|의|나|어치|짜리)?\s*(?:원|지불|지급|받|내[야었]|냈|빌|갚|돌려|팔|샀|구입|매각|벌금|추징금|비용|돈|예산|투자|부담|계약|지원|들[었어이])"
    r"|(?:벌금|돈|비용|예산|빚|값|연봉|월급)[^?]{0,12}얼마|얼마(?:예요|에요|짜리|어치)"
)


def _how_much(question: str) -> Asked | None:
    at = question.find("얼마")
    if at < 0:
        return None
    if _LONG.search(question):
        return Asked("number", "duration")
    noun = noun_asked(question[:at].split())
    if noun and noun[0] in ("percent", "money", "number") and noun != ("number", ""):
        return Asked(*noun)
    return Asked("money") if _PAID.search(question) else Asked("number")


# ---------------------------------------------------------------- the other question words

_ANY = r"(?!나(?![가-힣])|든|라도|에게나|서나|도(?![가-힣]))"
_WHEN = re.compile(rf"언제{_ANY}|언젠|며칠|어느\s?(?:해|때|날|시기|시대|세기)|무슨\s?요일")
_HOW_LONG = re.compile(r"(?:며칠|몇\s?날)\s?(?:동안|간|이나|만에|째|씩|후|뒤|전|이?\s?(?:걸|지))")
_WHO = re.compile(
    rf"누가|누구{_ANY}(?P<particle>에게서|에게|한테서|한테|로부터|으로부터|의해|의|를|와|랑|에)?|누굴|누군"
)
_WHY = re.compile(r"(?<![가-힣])왜(?!곡|군|란|구|인|적|관|소)|어째서|무엇\s?때문|뭐\s?때문|무슨\s?(?:이유|까닭|일로)")
_WHERE = re.compile(rf"어디{_ANY}(?P<particle>에서|에|서|로|를|의)?|어딘|어딜|어드메")
_WHICH = re.compile(r"(?:어느|어떤|무슨|어떠한)\s*(?P<words>(?:[^\s?]+\s+){0,1}[^\s?]+)")
_ASKS = re.compile(
    rf"언제{_ANY}|언젠|며칠|누가|누구{_ANY}|누굴|누군|어디{_ANY}|어딘|어딜|무엇|무언|무어|뭐|뭘|뭔|무슨|어떤|어떻|어떠|어때|어찌|어째|어느|몇|얼마"
    r"|(?<![가-힣])왜(?![가-힣])|이유|까닭"
)
# "이름은 무엇인가요?", but not "무엇을 했나요?"; "뭐라고 했나요?" asks for words.
_TAIL = re.compile(
    r"(?<!\s)\s*+(?:(?:무엇|무어|뭐|뭔|어디|어딘|언제|어떻게|어때)(?![을를에로서라])[가-힣]{0,20}|(?:알려|말해|적어)\s?[가-힣]{0,6}|적으시오"
    r"|(?<=[은는])요)[\s?!.,~]*+$|(?<![\s?!.,~])[\s?!.,~]*+$"
)
_ASKS_FOR_WORDS = re.compile(r"(?:뭐|무어|무엇이?)라|무슨\s(?:수|말|뜻)")
_OF_MONEY = re.compile(r"펀드|예산|투자|시장|매출|사업비|자금|기금|금융|계약|수출|수주|지원|대출|모금|적자|흑자")


def _by_noun(question: str) -> Asked | None:
    """Read "어느 회사가 …", else the noun that the question ends with."""
    if _ASKS_FOR_WORDS.search(question):
        return None
    if match := _WHICH.search(question):
        words = match["words"].split()
        noun = noun_asked(words[:1]) or noun_asked(words)
        return Asked(*noun) if noun else None
    noun = noun_asked(_TAIL.sub("", question, count=1).split())
    return Asked(*noun) if noun else None


@lru_cache(maxsize=1_000)
def asked(question: str) -> Asked:
    """Say what a question asks for; kind "open" where nothing says so."""
    if asks_yes_or_no(question):
        return Asked("open")
    found = _by_word(question)
    if found == Asked("number") and "규모" in question and _OF_MONEY.search(question):
        return Asked("money")
    return found


def _by_word(question: str) -> Asked:
    if _HOW_LONG.search(question):
        return Asked("number", "duration")
    if found := _how_many(question) or _how_much(question):
        return found
    if match := _WHEN.search(question):
        return Asked("date", {"며칠": "day", "어느 해": "year", "어느해": "year"}.get(match.group(), ""))
    if match := _WHO.search(question):
        return Asked("person", "", "가" if match.group() == "누가" else match["particle"] or "")
    if _WHY.search(question):
        return Asked("reason")
    by_noun = _by_noun(question)
    if match := _WHERE.search(question):
        return by_noun if by_noun and by_noun.unit == "body" else Asked("place", "", match["particle"] or "")
    return by_noun or Asked("open")


# ---------------------------------------------------------------- yes or no

_YES_OR_NO = re.compile(
    r"(?:까|까요|나|나요|가요|[는은던인]가|냐|니|지|죠|어|아|해|돼|야|여|대|요)\s*\?\s*$|(?:나요|습니까|[을ㄹ]까요|는가요|인가요|[했었였]니)\s*$"
)
_NOUN_ENDS = re.compile(r"(?:은|는)요\s*\?\s*$")


def asks_yes_or_no(question: str) -> bool:
    """Whether a question wants a yes or a no: it ends as a verb does and has no question word."""
    ends = _YES_OR_NO.search(question) and not _NOUN_ENDS.search(question)
    return bool(ends) and not _ASKS.search(question) and "아니면" not in question
