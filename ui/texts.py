"""The words in Korean, which language a visitor gets, and how dates, counts and durations are written."""

from calendar import monthrange
from dataclasses import asdict
from datetime import date, datetime

from ui.library_words import LIBRARY_KOREAN
from ui.words import ENGLISH, Words

__all__ = [
    "ENGLISH",
    "KOREAN",
    "Words",
    "component_labels",
    "counted",
    "words_for",
    "written_age",
    "written_date",
    "written_duration",
    "written_language",
    "written_period",
]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


KOREAN = Words(
    **asdict(LIBRARY_KOREAN),
    code="ko",
    tab_ask="질문",
    tab_library="자료실",
    tab_history="기록",
    status_articles_one="기사 1건",
    status_articles_many="기사 {n}건",
    status_index="색인 {id}",
    status_built="{date} 작성",
    status_waiting_one="파일 1개가 재색인 대기 중",
    status_waiting_many="파일 {n}개가 재색인 대기 중",
    status_rebuilding="재색인 중",
    status_degraded="최신 색인이 손상되어 이전 색인이 답합니다",
    no_index="아직 색인이 없습니다. 자료실에서 ‘색인 다시 만들기’를 누르세요.",
    chat_label="질문과 답변",
    question_label="질문",
    question_placeholder="기사에 대해 물어보세요",
    ask="질문하기",
    stop="중지",
    new_chat="새 대화",
    intro_title="묻고, 어디에 나오는지 확인하세요.",
    intro_body="답변의 모든 문장은 기사에서 글자 그대로 인용합니다. "
    "번호를 누르면 그 문장이 실린 자리를 볼 수 있습니다. 기사에 답이 없으면 없다고 말합니다.",
    examples_label="예를 들면",
    searching_one="기사 1건을 읽는 중 …",
    searching_many="기사 {n}건을 읽는 중 …",
    asked_by_you="내 질문",
    answered="답변",
    understood_as="이렇게 이해했습니다:",
    period_only="{period} 기사에서만 찾았습니다",
    period_until_only="{date}까지의 기사에서만 찾았습니다",
    partly="기사에는 일부만 답이 있습니다. 답이 없는 부분: {missing}",
    near_miss="기사에서 다루지만 이 내용은 나오지 않습니다. 찾지 못한 것: {missing}",
    not_in_articles="기사에는 이 질문의 답이 없습니다.",
    closest="답은 아니지만 가장 가까운 대목:",
    closest_link="기사에서 읽기",
    try_heading="이렇게 해 보세요",
    try_rephrase="기사에 나올 만한 낱말로, 한 번에 한 가지만 물어보세요.",
    try_filters="필터를 넓혀 보세요: {filters}.",
    try_add="자료실에서 관련 기사를 추가하고 색인을 다시 만드세요.",
    warnings_heading="알려 드립니다",
    warning_embedder_blind="임베딩 모델이 이 언어를 몰라 낱말 검색으로만 찾았습니다.",
    warning_filters_match_nothing="필터에 맞는 기사가 없습니다.",
    warning_period_matches_nothing="물어본 기간({period})의 기사가 없어 전체에서 찾았습니다.",
    warning_no_writer="설정된 언어 모델이 없어 인용만 보여 줍니다.",
    warning_writer_timeout="언어 모델이 제때 답하지 않아 인용만 보여 줍니다.",
    warning_writer_unreachable="언어 모델에 연결할 수 없어 인용만 보여 줍니다.",
    warning_writer_bad_status="언어 모델 서버가 거절했거나 실패하여 인용만 보여 줍니다.",
    warning_writer_oversize="언어 모델의 글이 지나치게 길어 인용만 보여 줍니다.",
    warning_writer_refused="언어 모델이 인용에서 답을 찾지 못했거나 쓰기를 거절했습니다.",
    warning_writer_nonsense="언어 모델이 쓴 내용이 인용에 없어 보여 주지 않습니다.",
    question_too_long="질문이 {n}자를 넘습니다. 줄여 주세요.",
    failed="서버에 문제가 생겨 답하지 못했습니다. 다시 물어봐 주세요.",
    stopped="중지했습니다.",
    line_place="다른 질문에 먼저 답하고 있습니다. 대기 순서는 {n}번째입니다.",
    line_full="지금은 기다리는 질문이 너무 많습니다. 질문은 입력란에 그대로 있으니 잠시 뒤에 다시 질문해 주세요.",
    disagree="기사마다 수치가 다릅니다",
    disagree_hint="각 기사에 적힌 그대로, 오래된 것부터 보여 줍니다. 어느 쪽이 맞는지는 가리지 않습니다.",
    generate="언어 모델이 쓴 답도 함께 보기",
    written_by="언어 모델({model})이 쓴 문장입니다. 문장마다 인용한 내용과 대조했습니다",
    word_for_word="기사에 적힌 그대로",
    unsupported="뒷받침되지 않음: {problems}.",
    problem_no_citation="출처를 밝히지 않음",
    problem_unknown_citation="없는 출처 번호를 가리킴",
    problem_figure="인용한 내용에 없는 숫자나 날짜가 있음",
    problem_name="인용한 내용에 없는 이름이 있음",
    problem_quotation="인용한 내용에 없는 말을 따옴",
    problem_negation="출처와 긍정·부정이 반대임",
    problem_words="인용한 내용에 없는 말이 너무 많음",
    problem_not_entailed="인용한 내용에서 따라 나오지 않음",
    problem_markup="서식이나 웹 주소가 들어 있었음",
    timeline="인용된 기사의 발행일",
    weak_match="확실하지 않은 답입니다. 원문에서 문장을 확인하세요.",
    act_copy="출처와 함께 복사",
    act_again="다시 묻기",
    act_edit="질문 고치기",
    act_undo="질문 취소",
    act_up="좋은 답변",
    act_down="아쉬운 답변",
    editing="마지막 질문을 고치는 중입니다.",
    ask_next="이어서 묻기",
    previous_quotation="이전 인용",
    next_quotation="다음 인용",
    feedback_why="무엇이 잘못되었나요?",
    feedback_wrong="질문에 대한 답이 아닙니다",
    feedback_incomplete="빠진 내용이 있습니다",
    feedback_not_in_articles_but_is="기사에 답이 있습니다",
    feedback_in_articles_but_wrong_quote="다른 문장이 답입니다",
    feedback_other="그 밖의 이유",
    feedback_comment="자세한 내용 (선택)",
    feedback_send="보내기",
    feedback_thanks="이 컴퓨터에만 기록했습니다.",
    feedback_failed="기록하지 못했습니다.",
    server_gone="지금 Footnote가 실행되고 있지 않습니다. 잃은 것은 없으며, 다시 켜지면 이어집니다.",
    filters="필터",
    filters_on="적용된 필터: {filters}",
    filter_from="발행일 시작",
    filter_to="발행일 끝",
    filter_date_info="날짜를 정하면 발행일을 모르는 기사는 빠집니다.",
    filter_sources="출처",
    filter_languages="언어",
    filter_collections="컬렉션",
    filter_collection="컬렉션 {name}",
    filter_after="{date}부터",
    filter_before="{date}까지",
    bad_date="‘{value}’은(는) 날짜가 아닙니다. 2026-01-31처럼 YYYY-MM-DD로 써 주세요.",
    dates_reversed="시작일이 끝 날짜보다 늦습니다.",
    sources="출처",
    sources_empty="답변마다 출처가 여기에 나타납니다.",
    sources_hint="답변의 번호를 누르면 인용한 문장을 기사 안에서 볼 수 있습니다.",
    sources_lost="이전 답변의 출처는 더 이상 보관되어 있지 않습니다. 다시 물어보면 볼 수 있습니다.",
    quotations_one="인용 1건",
    quotations_many="인용 {n}건",
    in_articles_one="기사 1건에서",
    in_articles_many="기사 {n}건에서",
    newest_source="가장 새로운 출처: {age}",
    source_number="출처",
    copied="복사했습니다",
    closest_card="가장 가까운 대목(답은 아님)",
    also_in="같은 내용의 다른 글:",
    disagree_card="다른 수치를 제시함",
    also_found="찾았지만 인용하지 않음",
    earlier_answer="이전 질문:",
    read_article="기사에서 읽기",
    back="답변으로 돌아가기",
    new_tab="새 탭에서 열기",
    open_original="원문 열기",
    shortened="긴 기사라서 인용한 곳 둘레만 보여 줍니다. 전체는 새 탭에서 읽을 수 있습니다.",
    changed_since="인용한 뒤에 기사가 바뀌었습니다. 인용한 문장의 자리가 달라졌을 수 있습니다.",
    not_verified="이 인용은 기사와 대조해 확인하지 못했습니다.",
    date_unknown="날짜 모름",
    date_front_matter="머리말에서",
    date_metadata="파일 메타데이터에서",
    date_text="본문에서 찾음",
    date_path="파일 이름에서",
    date_request="추가할 때 지정됨",
    support="뒷받침",
    support_strong="강함",
    support_good="좋음",
    support_fair="보통",
    support_weak="약함",
    cited_sentence="인용한 문장",
    article_not_found="이 기사는 색인에 없습니다.",
    article_not_found_hint="이름이 바뀌었거나 기사 모음에서 빠졌을 수 있습니다.",
    back_to_footnote="Footnote로 돌아가기",
    library_heading="기사",
    add_articles="기사 추가",
    add_hint="{suffixes}, 파일당 {mb} MB까지",
    rebuild="색인 다시 만들기",
    column_title="제목",
    column_source="출처",
    column_date="발행일",
    column_language="언어",
    column_passages="대목",
    no_articles="아직 색인에 기사가 없습니다. 기사를 추가하고 색인을 다시 만드세요.",
    add_done="추가됨",
    add_as="{name}(으)로 추가됨",
    add_already_there="이미 있음",
    add_refused="추가하지 못함",
    waiting_hint="색인을 다시 만들면 답변에 반영됩니다. 그동안에도 질문할 수 있습니다.",
    job_queued="곧 재색인을 시작합니다",
    job_running="색인을 다시 만드는 중",
    job_done="색인을 다시 만들었습니다",
    job_changes="추가 {new}, 변경 {changed}, 삭제 {gone}",
    job_up_to_date="색인이 이미 최신입니다.",
    job_failed="재색인에 실패했습니다. 이전 색인이 계속 답합니다.",
    job_progress="{total} 중 {done}",
    eta="약 {time} 남음",
    problems_one="파일 1개를 쓰지 못했습니다",
    problems_many="파일 {n}개를 쓰지 못했습니다",
    language_en="영어",
    language_ko="한국어",
    language_und="모름",
    seconds="{n}초",
    minutes="{n}분",
    today="오늘",
    days_one="1일 전",
    days_many="{n}일 전",
    months_one="1개월 전",
    months_many="{n}개월 전",
)

_BY_CODE = {"en": ENGLISH, "ko": KOREAN}


def words_for(accept_language: str | None) -> Words:
    """Choose by the browser's Accept-Language header; English when it names neither language."""
    best, best_quality = ENGLISH, 0.0
    for part in (accept_language or "").split(","):
        tag, _, parameters = part.strip().partition(";")
        words = _BY_CODE.get(tag.strip().lower().split("-")[0])
        quality = _quality(parameters)
        if words is not None and quality > best_quality:
            best, best_quality = words, quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def component_labels() -> dict[str, dict[str, str]]:
    """Return what the browser itself translates: language → key → words."""
    return {words.code: {f"fn_{key}": value for key, value in asdict(words).items()} for words in (ENGLISH, KOREAN)}


def counted(words: Words, key: str, n: int) -> str:
    """Write a number with its noun: `counted(words, "status_articles", 3)` is "3 articles"."""
    template: str = getattr(words, f"{key}_one" if n == 1 else f"{key}_many")
    return template.format(n=f"{n:,}")


def written_date(words: Words, day: date | datetime) -> str:
    """Write a date as its readers do: "2 Nov 2026", "2026년 11월 2일"."""
    if words.code == "ko":
        return f"{day.year}년 {day.month}월 {day.day}일"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def written_period(words: Words, start: date, end: date) -> str:
    """Write a run of days, both included: "16–22 Nov 2026", "Nov 2025" for a whole month, "2025" for a whole year."""
    if start == end:
        return written_date(words, start)
    is_korean = words.code == "ko"
    one_month = (start.year, start.month) == (end.year, end.month)
    if (start.month, start.day, end.month, end.day) == (1, 1, 12, 31):
        years = str(start.year) if start.year == end.year else f"{start.year}–{end.year}"
        return f"{years}년" if is_korean else years
    if one_month and start.day == 1 and end.day == monthrange(end.year, end.month)[1]:
        return f"{end.year}년 {end.month}월" if is_korean else f"{_MONTHS[end.month - 1]} {end.year}"
    first, last = written_date(words, start), written_date(words, end)
    if is_korean:
        last = f"{end.day}일" if one_month else last.removeprefix(f"{start.year}년 ")
    else:
        first = str(start.day) if one_month else first.removesuffix(f" {end.year}")
    return f"{first}–{last}" if one_month else f"{first} – {last}"


def written_age(words: Words, day: date, today: date) -> str:
    """Write how old a date is; a date to come is written out."""
    days = (today - day).days
    if days < 0:
        return written_date(words, day)
    if days == 0:
        return words.today
    return counted(words, "days", days) if days < 61 else counted(words, "months", round(days / 30.44))


def written_duration(words: Words, seconds: float) -> str:
    """Write a rough time to wait."""
    if seconds < 90:
        return words.seconds.format(n=max(1, round(seconds)))
    return words.minutes.format(n=round(seconds / 60))


def written_language(words: Words, code: str) -> str:
    """Name a language code; one without a name stays as it is."""
    return str(getattr(words, f"language_{code}", code)) if code.isalpha() else code
