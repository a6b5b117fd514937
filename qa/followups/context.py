"""What the conversation so far lends to the next question. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qa.followups.subjects import word_set

Similarity = Callable[[str, str], float]

_PLACES = word_set(
    "korea south-korea seoul busan daejeon daegu incheon gwangju ulsan sejong pohang gyeonggi gangnam pangyo "
    "belgium china "
    "japan tokyo taiwan us usa u.s america united-states germany berlin france paris uk britain london europe eu india "
    "vietnam singapore asia canada netherlands washington beijing shanghai israel italy spain brazil russia australia "
    "한국 서울 부산 대전 대구 인천 광주 울산 세종 포항 경기 강남 판교 벨기에 중국 일본 도쿄 대만 미국 독일 "
    "프랑스 영국 유럽 "
    "인도 베트남 싱가포르 캐나다 네덜란드 러시아 호주 수도권 제주 전남 전북 경북 경남 충남 충북 강원"
)
# Below this cosine two phrases are of different kinds, and none is taken for the other.
_SAME_KIND = 0.2


# Which words for a kind may stand for which: "this plan" may be a project, and "that company" has a name.
UNDERTAKINGS = word_set(
    "plan project programme program law act bill event summit meeting conference roundtable strategy policy initiative "
    "scheme product service technology system article report fund measure package plans projects programmes programs "
    "laws events strategies policies products services technologies systems "
    "사업 계획 프로젝트 프로그램 법 법안 법률 특별법 행사 회의 간담회 서밋 전략 기술 정책 제도 제품 서비스 "
    "시스템 기사 보고서 기금 펀드 "
    "조치 대책 방안 상품 모델"
)


@dataclass(frozen=True, slots=True)
class Context:
    """The turn a follow-up leans on; "" where something is not known.

    `question` stands alone. `subject` is the one phrase that "it" means, `topic` all that the question is about.
    `named` is the name that the answer gave to "which company" or "who"; `asks_thing` says that it was the former.
    `said` is the first sentence of the answer.
    """

    question: str
    subject: str
    topic: str
    person: str = ""
    place: str = ""
    named: str = ""
    asks_thing: bool = False
    said: str = ""
    similarity: Similarity | None = None

    @property
    def body(self) -> str:
        """The question without its mark."""
        return self.question.strip().rstrip("?.! ").strip()

    @property
    def focus(self) -> str:
        """What "it" means: the thing that was asked for and named, else the subject."""
        return self.named if self.named and self.asks_thing else self.subject

    def neutral(self, question: str) -> str:
        """Return the question with its context in brackets: all that can be said when no rule knows better words."""
        return f"{question} ({self.topic})"

    def names_subject(self, question: str) -> bool:
        """Whether the question says its subject itself, so that nothing in it points elsewhere."""
        said = question.casefold()
        bare = re.sub(r"^(?:the|a|an)\s+", "", self.focus.casefold())
        return said.rstrip().endswith(f"({self.topic.casefold()})") or bare in said

    def is_place(self, phrase: str) -> bool:
        """Whether the phrase is a place we know by name."""
        return phrase.casefold().removeprefix("the ").replace(" ", "-") in _PLACES

    def nearest(self, phrase: str, others: Sequence[str]) -> int | None:
        """Return which of the others is most like the phrase; None without an embedder, or when none is like it."""
        if self.similarity is None or not others:
            return None
        scores = [self.similarity(phrase, other) for other in others]
        best = max(range(len(others)), key=scores.__getitem__)
        return best if scores[best] >= _SAME_KIND else None
