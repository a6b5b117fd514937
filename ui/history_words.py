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
    import_files: str
    imported_one: str
    imported_many: str
    known_one: str
    known_many: str
    no_room_one: str
    no_room_many: str
    file_unreadable: str
    file_too_large: str
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
    import_files="Import from a file",
    imported_one="1 conversation was imported.",
    imported_many="{n} conversations were imported.",
    known_one="1 was here already.",
    known_many="{n} were here already.",
    no_room_one="There is no room for 1 more.",
    no_room_many="There is no room for {n} more.",
    file_unreadable="“{name}” holds no conversations saved as JSON.",
    file_too_large="“{name}” is larger than {mb} MB.",
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
    import_files="파일에서 가져오기",
    imported_one="대화 1개를 가져왔습니다.",
    imported_many="대화 {n}개를 가져왔습니다.",
    known_one="1개는 이미 있습니다.",
    known_many="{n}개는 이미 있습니다.",
    no_room_one="1개는 자리가 없어 가져오지 못했습니다.",
    no_room_many="{n}개는 자리가 없어 가져오지 못했습니다.",
    file_unreadable="‘{name}’에는 JSON으로 저장한 대화가 없습니다.",
    file_too_large="‘{name}’ 파일이 {mb}MB보다 큽니다.",
    saved_from="Footnote에서 {date}에 저장. 인용은 글자 그대로입니다.",
)


def history_words(words: Words) -> HistoryWords:
    """Return the words of the tab in the language of the others."""
    return HISTORY_KOREAN if words.code == "ko" else HISTORY_ENGLISH
