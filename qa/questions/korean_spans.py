"""Which spans of a Korean sentence are figures or dates of the unit a question asks for. Pure."""

import re
from collections.abc import Iterator

from qa.numbers.amounts import CURRENCIES, PERCENT, Amount, amounts_in
from qa.questions.kinds import AnswerKind, Span

# ---------------------------------------------------------------- dates

_PART = (
    r"(?:\s?(?:초반|중반|후반|초|중순|하순|상순|말엽|중엽|초엽|말|상반기|하반기|[1-4]\s?분기|봄|여름|가을|겨울)"
    r"(?=에|의|까지|부터|경|이다|이며|이고|쯤|이후|이전|무렵|을|은|\W|$))?"
)
_MONTH, _DAY = r"\d{1,2}월", r"\d{1,2}일(?!\s?(?:간|동안|만에|째|이내))"
_NOT_LONG = r"(?!\s?(?:간|동안|만에|넘게|이상|째|여|형|가까이|임기))"
_BEFORE_CHRIST = r"(?:기원전\s?|서기\s?|BC\s?)"
_YEAR = rf"(?:{_BEFORE_CHRIST}\d{{1,4}}|(?<![\d,.])\d{{3,4}}|(?<=['’‘])\d\d)년(?:도|대)?{_NOT_LONG}"
_RELATIVE = r"(?<![가-힣])(?:올해|금년|지난해|작년|재작년|내년|후년|이듬해|그해)"
_DATE = re.compile(
    rf"(?P<y>{_YEAR}|{_RELATIVE})(?P<m>\s?{_MONTH})(?P<d>\s?{_DAY})"
    rf"|(?P<y2>{_YEAR}|{_RELATIVE})(?P<m2>\s?{_MONTH}){_PART}"
    rf"|(?P<y6>(?<!\d)\d{{4}})[.\-/]\s?(?P<m6>\d{{1,2}})[.\-/]\s?(?P<d6>\d{{1,2}})\.?(?!\d)"
    rf"|(?<!\d)(?P<m3>{_MONTH})(?P<d3>\s?{_DAY})"
    rf"|(?P<y4>{_YEAR}|{_RELATIVE}){_PART}"
    rf"|(?P<d5>(?<=지난\s|오는\s){_DAY})"
    rf"|(?<!\d)(?P<m4>{_MONTH}){_PART}"
    rf"|(?P<c>(?:기원전\s?)?(?<!\d)\d{{1,2}}세기{_PART})"
    r"|(?P<y5>(?<!\d)\d{2}년대)"
)
_TIME = re.compile(r"(?:(?:오전|오후|새벽|밤|아침|저녁|낮)\s?)?\d{1,2}시(?:\s?\d{1,2}분|\s?반)?(?!간)")
_HAS: dict[str, tuple[str, ...]] = {
    "year": ("y", "y2", "y4", "y5", "y6"),
    "month": ("m", "m2", "m3", "m4", "m6"),
    "day": ("d", "d3", "d5", "d6"),
    "century": ("c",),
}


def dates(sentence: str, unit: str) -> list[Span]:
    """Return the dates that say a `unit` of time, only the year of one where the year is asked for."""
    if unit == "time":
        return [match.span() for match in _TIME.finditer(sentence)]
    spans = []
    for match in _DATE.finditer(sentence):
        group = next((name for name in _HAS.get(unit, ()) if match[name]), None)
        if unit and group is None:
            continue
        spans.append(match.span(group) if unit == "year" and group else match.span())
    return spans


# ---------------------------------------------------------------- figures

_CURRENCY = (
    r"원(?![인래칙본자])|달러|유로|엔(?!진|터)|위안|파운드|프랑|마르크|루블|루피|페소|리라|크로네|냥|환(?!경|자)|크레딧"
)
_TIMES = (
    r"년\s?\d+개월|년(?!도|대)|개월|달(?!러)|주일|주간?(?![가-힣])|일(?:간|\s?동안|\s?만|째|\s?이내)?|시간(?:\s?\d+분)?"
    r"|분(?!의|기)(?:\s?\d+초)?|초(?![가-힣]{2})"
)
_KINDS, _TIMES_DONE, _PLACES = r"가지|갈래|개(?![월국년동])|종(?:류)?", r"번(?!째)|회(?![의장사])|차례", r"곳|군데|개소"
_RANKS = r"위|등(?=[으을이에\s.,]|$)"
_PEOPLE = r"명|사람|인(?=[의은이을과으.,)\s]|$)"
_NATIONS = r"개\s?국가?|개\s?나라|나라"
_UNITS = {
    "duration": _TIMES,
    "length": (
        r"[kcmn]?m(?![a-zA-Z²³/])|㎞|㎝|㎜|킬로미터|센티미터|센티|밀리미터|미터|마일|피트|인치|야드|리(?![가-힣])|척|규빗|해리"
        r"|광년"
    ),
    "weight": r"[km]?g(?![a-zA-Z])|㎏|t(?![a-zA-Z])|톤|킬로그램|그램|파운드|근|온스|배럴",
    "area": r"㎢|km²|㎡|m²|제곱\s?(?:킬로미터|미터)|평방\s?(?:킬로)?미터|평|헥타르|ha|에이커",
    "speed": r"km/h|㎞/h|노트|m/s|킬로미터|㎞|km|마하",
    "heat": r"도|℃|°C?|켈빈|K(?![a-zA-Z])",
    "명": _PEOPLE + r"|분(?=[이의을])",
    "사람": _PEOPLE,
    "살": r"살|세(?![기대계])",
    "세": r"살|세(?![기대계])",
    "개": _KINDS,
    "가지": _KINDS,
    "갈래": _KINDS,
    "종류": _KINDS,
    "종": r"가지|종(?:류)?",
    "곳": _PLACES + r"|개\s?(?:지역|도시|지점|시)",
    "군데": _PLACES,
    "나라": _NATIONS,
    "개국": _NATIONS,
    "번": _TIMES_DONE,
    "회": _TIMES_DONE,
    "차례": _TIMES_DONE,
    "번째": r"번째|번\s째|대(?![가-힣])|차|회|위|기",
    "째": r"번째|째",
    "점": r"점|%",
    "센티": r"cm|㎝|센티(?:미터)?",
    "미터": r"m(?![a-zA-Z²³])|미터",
    "곡": r"곡|개의\s?(?:곡|노래|트랙)|트랙",
    "승": r"승",
    "위": _RANKS,
    "등": _RANKS,
}
_MORE = r"\s?(?:여\s?)?"
_BIG_SUM = re.compile(r"(?:\d|\s)[조억]$")
_AFTER_SUM = re.compile(r"(?:여)?(?=\s?(?:[을를이가은는에의로]|규모|이상|이하|정도)(?![가-힣]{3}))")
_COUNTER_AFTER = re.compile(
    r"(?:\s?여)?\s?(?:[A-Za-z㎡㎞㎏㎝㎜℃°%/]{1,5}"
    r"|[가-힣]{1,2}?(?=(?:으로|에서|까지|이상|이하|정도|이[가-힣]|[이가은는을를의에로와과도씩])?(?![가-힣])))?"
)
_NATIVE = re.compile(
    r"(?<![가-힣])(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|열한|열두|스무|서른|마흔|쉰)(?=\s?[가-힣])"
)
_ORDINAL_BEFORE = re.compile(r"제\s?$")
_RANGE_BEFORE = re.compile(r"(?<![\d.,])\d[\d,.]{0,15}\s?[가-힣%]{0,3}\s?[-–~∼]\s?$")


def figures(sentence: str, kind: AnswerKind, unit: str) -> list[Span]:
    """Return the figures of a kind that have this unit, with the unit, a range as one; dates are none."""
    spans: list[Span] = []
    for start, end in sorted(set(_figures(sentence, kind, unit))):
        head = max(0, start - 25)
        before = _RANGE_BEFORE.search(sentence[head:start])
        start = head + before.start() if before else start
        if spans and spans[-1][1] > start:
            spans[-1] = (min(spans[-1][0], start), max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return spans


def _figures(sentence: str, kind: AnswerKind, unit: str) -> Iterator[Span]:
    dated = [match.span() for match in _DATE.finditer(sentence)]
    wanted = _pattern(kind, unit)
    for amount in amounts_in(sentence):
        if any(start < amount.number_end and amount.start < end for start, end in dated):
            continue
        if end := _end(sentence, amount, kind, wanted):
            yield amount.start, end
    if wanted is not None and kind == "number":
        for match in _NATIVE.finditer(sentence):
            if after := wanted.match(sentence, match.end()):
                yield match.start(), after.end()


def _pattern(kind: AnswerKind, unit: str) -> re.Pattern[str] | None:
    if kind == "money":
        return re.compile(rf"\s?(?:여\s?)?[천만억조]?\s?(?:{unit or _CURRENCY})")
    if kind == "number" and unit:
        return re.compile(_MORE + f"(?:{_UNITS.get(unit, re.escape(unit))})")
    return None


def _end(sentence: str, amount: Amount, kind: AnswerKind, wanted: re.Pattern[str] | None) -> int | None:
    """Return where a figure ends if it is of the kind and unit asked for."""
    if kind == "percent":
        return amount.end if amount.unit == PERCENT else None
    if wanted is not None and (found := wanted.match(sentence, amount.number_end)):
        return found.end()
    if kind == "money":
        if amount.unit in CURRENCIES:
            return amount.end
        # "400조를 넘었다": so much is money, whatever is counted elsewhere.
        bare = _BIG_SUM.search(amount.written) and _AFTER_SUM.match(sentence, amount.number_end)
        return bare.end() if bare else None
    if wanted is not None or _ORDINAL_BEFORE.search(sentence[max(0, amount.start - 3) : amount.start]):
        return None
    after = _COUNTER_AFTER.match(sentence, amount.number_end)
    return max(amount.end, after.end() if after else 0)
