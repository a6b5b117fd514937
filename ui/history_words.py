"""The words of the tab with the conversations, in both languages; the browser gets them as data."""

from dataclasses import dataclass

from ui.texts import Words


@dataclass(frozen=True, slots=True)
class HistoryWords:
    """The words of the tab in one language. A field that ends in `_one` is the singular of its `_many`."""

    heading: str
    where: str
    off: str
    search: str
    none: str
    none_hint: str
    no_match: str
    found_one: str
    found_many: str
    questions_one: str
    questions_many: str
    current: str
    rename: str
    name: str
    renamed: str
    markdown: str
    json: str
    delete: str
    deleted: str
    restore: str
    restored: str
    save_all: str
    delete_all: str
    delete_all_sure: str
    deleted_all: str
    not_opened: str
    dropped: str
    full: str
    saved_from: str


HISTORY_ENGLISH = HistoryWords(
    heading="Your conversations",
    where="They are kept in this browser, not on the server.",
    off="This browser keeps nothing for this page, so a conversation ends when the page is closed.",
    search="Search questions and quotations",
    none="No conversations yet",
    none_hint="What you ask is kept here with its answers and sources, so that you can come back to it.",
    no_match="No conversation has these words.",
    found_one="1 conversation",
    found_many="{n} conversations",
    questions_one="1 question",
    questions_many="{n} questions",
    current="open now",
    rename="Rename",
    name="Name of the conversation",
    renamed="Renamed to “{name}”.",
    markdown="Save as Markdown",
    json="Save as JSON",
    delete="Delete",
    deleted="“{name}” was deleted.",
    restore="Undo",
    restored="“{name}” is back.",
    save_all="Save all as JSON",
    delete_all="Delete all",
    delete_all_sure="Delete all conversations from this browser? This cannot be undone.",
    deleted_all="All conversations were deleted.",
    not_opened="This conversation could not be opened.",
    dropped="There was no room for more, so the oldest conversation was removed: “{name}”.",
    full="There is no room in this browser: the last answer is not kept.",
    saved_from="From Footnote, {date}. Quotations are word for word.",
)
HISTORY_KOREAN = HistoryWords(
    heading="지난 대화",
    where="서버가 아니라 이 브라우저에 보관됩니다.",
    off="이 브라우저가 보관을 막고 있어, 페이지를 닫으면 대화가 사라집니다.",
    search="질문과 인용에서 찾기",
    none="아직 대화가 없습니다",
    none_hint="질문하면 답변과 출처가 여기에 남아, 나중에 다시 볼 수 있습니다.",
    no_match="이 낱말이 나오는 대화가 없습니다.",
    found_one="대화 1개",
    found_many="대화 {n}개",
    questions_one="질문 1개",
    questions_many="질문 {n}개",
    current="지금 열려 있음",
    rename="이름 바꾸기",
    name="대화 이름",
    renamed="이름을 ‘{name}’(으)로 바꾸었습니다.",
    markdown="Markdown으로 저장",
    json="JSON으로 저장",
    delete="삭제",
    deleted="‘{name}’ 대화를 삭제했습니다.",
    restore="되돌리기",
    restored="‘{name}’ 대화를 되돌렸습니다.",
    save_all="모두 JSON으로 저장",
    delete_all="모두 삭제",
    delete_all_sure="이 브라우저의 대화를 모두 삭제할까요? 되돌릴 수 없습니다.",
    deleted_all="대화를 모두 삭제했습니다.",
    not_opened="이 대화를 열지 못했습니다.",
    dropped="보관할 자리가 없어 가장 오래된 대화를 지웠습니다: ‘{name}’.",
    full="이 브라우저에 자리가 없어 마지막 답변을 보관하지 못했습니다.",
    saved_from="Footnote에서 {date}에 저장. 인용은 글자 그대로입니다.",
)


def history_words(words: Words) -> HistoryWords:
    """Return the words of the tab in the language of the others."""
    return HISTORY_KOREAN if words.code == "ko" else HISTORY_ENGLISH
