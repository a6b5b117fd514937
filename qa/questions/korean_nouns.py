"""The Korean nouns that say what a question asks for: "설립 연도는?", "어느 회사". Pure."""

import re

from qa.questions.kinds import AnswerKind

Noun = tuple[AnswerKind, str]

# Kind, unit, nouns. A word that ends with a noun is of its kind (공동창업자); one syllable must be the whole word.
_NOUNS: tuple[tuple[AnswerKind, str, str], ...] = (
    ("reason", "", "이유 까닭 원인 계기 배경"),
    ("percent", "", "비율 비중 퍼센트 확률 백분율 점유율 득표율 지지율 성장률 도입률 물가상승률 실업률 투표율 시청률"),
    (
        "money",
        "",
        "금액 예산 비용 가격 값 액수 매출 매출액 영업이익 순이익 손실 손실액 투자액 투자금 지원금 상금 벌금 "
        "추징금 이적료 출연료 연봉 주급 월급 임금 급여 요금 등록금 보증금 사업비 건설비 제작비 건축비 공사비 "
        "개발비 연구비 인건비 자본금 몸값 현상금 부채 채무 수출액 수입액 계약금 후원금 기부금 성금 보상금 "
        "배상금 위자료 시가총액 과징금 기금",
    ),
    ("number", "duration", "기간 시간 세월 수명 임기 형기 형량"),
    ("number", "length", "높이 길이 거리 너비 폭 깊이 지름 직경 반지름 키 신장 고도 해발 둘레 두께 사거리"),
    ("number", "weight", "무게 체중 몸무게 질량 중량 배수량"),
    ("number", "area", "면적 넓이"),
    ("number", "speed", "속도 속력 시속"),
    ("number", "heat", "온도 기온 체온 수온"),
    ("number", "살", "나이 연령"),
    ("number", "점", "점수 평점 학점 총점"),
    ("number", "위", "순위 등수"),
    ("number", "명", "인구 인원 사상자 사망자 부상자 희생자 관객수 사상자수 사망자수 인구수 인원수 사람수 직원수"),
    ("number", "층", "층수"),
    ("number", "번", "횟수"),
    ("number", "", "개수 갯수 숫자 수량 수치 수 양 대수 용량 번호 득표수 규모 정도"),
    ("date", "day", "날짜 일자 생일 생년월일 출생일 사망일 개봉일 발매일 출시일 기일 축일 개막일 창립일 선거일 시행일"),
    ("date", "year", "해 연도 년도"),
    ("date", "", "일시 시기 시점 때 날 시한 무렵"),
    ("date", "century", "세기"),
    (
        "person",
        "body",
        "회사 기업 기관 단체 정당 부처 구단 방송사 신문사 언론사 신문 언론 은행 재단 연구소 연구원 조직 집단 "
        "출판사 제작사 업체 사업자 기구 협회 위원회 대학 대학교 학교 고등학교 건설사 통신사 항공사 제조사 "
        "개발사 운영사 소속사 배급사 스타트업 컨소시엄 매체 부대 팀 당 그룹 밴드 병원 정부 군대 사이트",
    ),
    (
        "person",
        "",
        "사람 인물 학자 기자 저자 창업자 설립자 지도자 창시자 후보자 당선자 우승자 수상자 발명가 발명자 작곡자 "
        "작사자 연구자 책임자 담당자 제작자 전문가 통치자 권력자 집권자 용의자 피해자 가해자 생존자 사업가 "
        "경영자 투자자 창립자 개발자 발견자 설계자 진행자 편집자 감독 배우 가수 작가 화가 장관 차관 대통령 "
        "총리 의원 회장 사장 대표 총재 교수 박사 황제 왕 국왕 임금 천황 교황 추기경 대사 판사 검사 변호사 "
        "재판관 대법원장 선수 투수 포수 타자 코치 딸 아들 아버지 어머니 부인 아내 남편 배우자 동생 누나 형제 "
        "친구 멤버 의사 목사 신부 수장 장군 대령 총통 주석 위원장 위원 의장 시장 지사 총장 소장 부사장 이사장 "
        "국장 정치인 작곡가 작사가 건축가 기업가 음악가 철학가 예술가 사상가 혁명가 주인공 인터뷰어 사회자 "
        "아나운서 대변인 비서관 비서실장 후임 전임 후임자 전임자 후계자 스승 군주 왕비 황후 공주 여왕 장본인 "
        "당사자 일본인 여성 남성 리더 시인 앵커 심판 사무총장 총수 본명 성명",
    ),
    (
        "place",
        "",
        "나라 국가 도시 지역 장소 곳 고향 출생지 출신지 소재지 위치 본사 수도 행선지 목적지 발상지 원산지 "
        "개최지 개최국 상대국 국적 지명 지방 섬 마을 동네 주소 대륙 부지 입지 경기장 공연장 서식지 산지 촬영지 "
        "유배지 역 시도 시군구",
    ),
)
_ENDING = re.compile(
    r"(?:인가|이었|였|입니|일까|인지|이야|이지|이죠|이니|이냐|이고|이며|이라|인데|인가요)[가-힣]{0,20}$"
    r"|(?:에서는|에서|에게서|에게|한테|으로|로|에는|에|의|을|를|이|가|은|는|와|과|도|까지|부터|야|죠|지|들|들은|들이)$"
)
_WHOSE_NAME = ("이름", "성함", "명단", "성명")
_PEOPLE_COUNTED = ("자", "객", "원", "민", "생", "인", "사람", "선수", "인구", "관객")
_KIND_OF = {noun: (kind, unit) for kind, unit, nouns in reversed(_NOUNS) for noun in nouns.split()}
_BY_ENDING = {noun: known for noun, known in _KIND_OF.items() if len(noun) > 1}
_NO_MONEY = frozenset({"하여금"})
_LONGEST = max(map(len, _KIND_OF))


def noun_asked(words: list[str]) -> Noun | None:
    """Return the kind and unit that the last of these words asks for, its particle or copula aside; None if none."""
    if not words:
        return None
    word = words[-1]
    known = _known(word)
    bare = word
    while known is None and (cut := _ENDING.sub("", bare)) != bare and cut:
        bare = cut
        known = _known(bare)
    before = words[:-1]
    if known is None and bare.endswith(_WHOSE_NAME):
        owner = noun_asked([*before[:-1], re.sub("의$", "", before[-1])]) if before else None
        return owner if owner and owner[0] == "person" else None
    if known == ("number", ""):
        counted = before[-1] if bare == "수" and before else bare.removesuffix("수")
        if re.sub("의$", "", counted).endswith(_PEOPLE_COUNTED) and bare.endswith("수"):
            return "number", "명"
    return known


def _known(word: str) -> Noun | None:
    if word in _KIND_OF:
        return _KIND_OF[word]
    if len(word) >= 3 and word.endswith(("율", "률")):
        return "percent", ""
    ends = (word[-length:] for length in range(min(len(word), _LONGEST), 1, -1))
    found = next((_BY_ENDING[end] for end in ends if end in _BY_ENDING), None)
    if found is None and len(word) >= 3 and word.endswith(("액", "금")) and word not in _NO_MONEY:
        return "money", ""
    return found
