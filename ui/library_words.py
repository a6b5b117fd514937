"""The words of the tab with the articles, in both languages; the list of visible words takes them over."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LibraryWords:
    """The words of the tab in one language. A field that ends in `_one` is the singular of its `_many`."""

    read_only: str
    choose_files: str
    drop_hint: str
    drop_here: str
    adding: str
    add_summary: str
    add_unreachable: str
    paste_text: str
    paste_title: str
    paste_body: str
    paste_add: str
    address_label: str
    address_add: str
    address_adding: str
    search_articles: str
    any_source: str
    any_language: str
    collection: str
    any_collection: str
    any_month: str
    sort_by: str
    sort_newest: str
    sort_oldest: str
    sort_title: str
    sort_source: str
    sort_longest: str
    count_all_one: str
    count_all_many: str
    count_found: str
    nothing_found: str
    clear_search: str
    pages: str
    page_before: str
    page_after: str
    page_range: str
    column_actions: str
    delete: str
    deleted: str
    undo: str
    restored: str
    trash_one: str
    trash_many: str
    trash_hint: str
    put_back: str
    index_heading: str
    index_counts: str
    index_up_to_date: str
    index_new: str
    index_ready_one: str
    index_ready_many: str
    index_nothing: str
    index_degraded: str
    index_broken: str
    build: str
    waits: str
    waits_new: str
    waits_changed: str
    waits_gone: str
    and_more: str
    rollback: str
    rollback_ask: str
    rollback_yes: str
    rolled_back: str
    cancel: str
    job_elsewhere: str
    job_shrink_refused: str
    job_index_busy: str
    job_nothing_to_index: str
    shrink: str
    charts: str
    chart_time: str
    chart_years: str
    chart_sources: str
    chart_earlier: str
    chart_rest: str
    chart_no_source: str
    advice_empty: str
    advice_binary: str
    advice_encoding: str
    advice_too_large: str
    advice_no_text: str
    advice_permission: str
    advice_not_regular: str
    advice_changed: str
    advice_missing: str
    advice_unsupported: str
    advice_malformed: str
    advice_path: str
    advice_timeout: str
    advice_memory: str
    advice_crash: str
    stage_scan: str
    stage_chunk: str
    stage_embed: str
    stage_index: str
    stage_commit: str
    reason_empty: str
    reason_binary: str
    reason_encoding: str
    reason_too_large: str
    reason_no_text: str
    reason_permission: str
    reason_not_regular: str
    reason_changed: str
    reason_missing: str
    reason_unsupported: str
    reason_malformed: str
    reason_path: str
    reason_address: str
    reason_unreachable: str
    reason_timeout: str
    reason_memory: str
    reason_crash: str
    reason_bad_status: str


LIBRARY_ENGLISH = LibraryWords(
    read_only="You are here to read and ask. To add, delete or rebuild, sign in with the admin key.",
    choose_files="Choose files",
    drop_hint="or drop them anywhere on this tab",
    drop_here="Drop the files to add them",
    adding="Adding {n} of {total}: {name}",
    add_summary="{added} added, {there} already there, {refused} not added",
    add_unreachable="the server could not be reached",
    paste_text="Paste text",
    paste_title="Title (optional)",
    paste_body="Text of the article",
    paste_add="Add the text",
    address_label="Address of an article",
    address_add="Fetch",
    address_adding="Fetching {name}",
    search_articles="Search titles, sources and names of files",
    any_source="All sources",
    any_language="All languages",
    collection="Collection",
    any_collection="All collections",
    any_month="All months",
    sort_by="Sort",
    sort_newest="Newest first",
    sort_oldest="Oldest first",
    sort_title="By title",
    sort_source="By source",
    sort_longest="Longest first",
    count_all_one="1 article",
    count_all_many="{n} articles",
    count_found="{found} of {total} articles",
    nothing_found="No article is like that.",
    clear_search="Clear search and filters",
    pages="Pages of the list",
    page_before="Previous",
    page_after="Next",
    page_range="{first}–{last} of {total}",
    column_actions="Actions",
    delete="Delete",
    deleted="Deleted: {title}",
    undo="Undo",
    restored="Put back: {title}",
    trash_one="1 recently deleted article",
    trash_many="{n} recently deleted articles",
    trash_hint="They are out of the answers after the next rebuild.",
    put_back="Put back",
    index_heading="Index",
    index_counts="{articles} articles, {passages} passages",
    index_up_to_date="Up to date",
    index_new="The index has changed: {id}",
    index_ready_one="1 article is in the folder. Build the index to ask about it.",
    index_ready_many="{n} articles are in the folder. Build the index to ask about them.",
    index_nothing="There is no article yet. Add some here, or put files into the folder of articles.",
    index_degraded="The newest index is damaged, so an earlier one answers. A rebuild mends it; nothing is lost.",
    index_broken="The index cannot be used. A rebuild makes a new one from the articles.",
    build="Build the index",
    waits="What waits",
    waits_new="new",
    waits_changed="changed",
    waits_gone="gone",
    and_more="and {n} more",
    rollback="Go back to the index before",
    rollback_ask="Go back to {id}, built {date}, with {n} articles? Nothing is deleted. What has changed since waits "
    "for the next rebuild.",
    rollback_yes="Go back",
    rolled_back="Back at {id}",
    cancel="Cancel",
    job_elsewhere="Another process is rebuilding the index",
    job_shrink_refused="Many articles are gone at once, so nothing was changed. Put them back, or rebuild without "
    "them.",
    job_index_busy="Another process was changing the index. Try again in a moment.",
    job_nothing_to_index="There is no readable article in the folder. The index from before still answers.",
    shrink="Rebuild without them",
    charts="By month and by source",
    chart_time="Articles by month",
    chart_years="Articles by year",
    chart_sources="Articles by source",
    chart_earlier="earlier",
    chart_rest="other sources",
    chart_no_source="no source",
    advice_empty="Put text into it, or remove it.",
    advice_binary="Save its text as .txt, .md or .html.",
    advice_encoding="Save it again as UTF-8.",
    advice_too_large="Split it into smaller files.",
    advice_no_text="Copy the text you see and paste it here.",
    advice_permission="Let the account that runs Footnote read it.",
    advice_not_regular="Put an ordinary file in its place.",
    advice_changed="Rebuild again when it is complete.",
    advice_missing="Put it back, or rebuild.",
    advice_unsupported="Save it as text, Markdown or HTML.",
    advice_malformed="Open it, save it anew, or paste its text.",
    advice_path="Give it another name.",
    advice_timeout="Split it, or paste its text.",
    advice_memory="Split it, or paste its text.",
    advice_crash="Paste its text.",
    stage_scan="looking for articles",
    stage_chunk="cutting passages",
    stage_embed="embedding passages",
    stage_index="building the index",
    stage_commit="putting it in place",
    reason_empty="the file is empty",
    reason_binary="the file is not text",
    reason_encoding="the characters of the file could not be read",
    reason_too_large="the file is too large",
    reason_no_text="no text was found in it",
    reason_permission="the file may not be read",
    reason_not_regular="it is not an ordinary file",
    reason_changed="the file changed while it was read",
    reason_missing="the file has gone",
    reason_unsupported="this kind of file is not supported",
    reason_malformed="the file is malformed",
    reason_path="the file name cannot be used",
    reason_address="this address may not be fetched",
    reason_unreachable="the page could not be reached",
    reason_timeout="it took too long",
    reason_memory="reading it takes too much memory",
    reason_crash="reading it failed",
    reason_bad_status="the server did not give the page",
)

LIBRARY_KOREAN = LibraryWords(
    read_only="읽기와 질문만 할 수 있습니다. 추가, 삭제, 재색인은 관리자 키로 로그인해야 합니다.",
    choose_files="파일 고르기",
    drop_hint="또는 이 탭 어디에나 끌어다 놓으세요",
    drop_here="파일을 놓으면 추가됩니다",
    adding="{total}개 중 {n}번째 추가 중: {name}",
    add_summary="추가 {added}, 이미 있음 {there}, 추가하지 못함 {refused}",
    add_unreachable="서버에 연결할 수 없습니다",
    paste_text="글 붙여 넣기",
    paste_title="제목(선택)",
    paste_body="기사 본문",
    paste_add="글 추가",
    address_label="기사 주소",
    address_add="가져오기",
    address_adding="{name} 가져오는 중",
    search_articles="제목, 출처, 파일 이름 검색",
    any_source="모든 출처",
    any_language="모든 언어",
    collection="컬렉션",
    any_collection="모든 컬렉션",
    any_month="모든 달",
    sort_by="정렬",
    sort_newest="최신순",
    sort_oldest="오래된 순",
    sort_title="제목순",
    sort_source="출처순",
    sort_longest="긴 순",
    count_all_one="기사 1건",
    count_all_many="기사 {n}건",
    count_found="기사 {total}건 중 {found}건",
    nothing_found="조건에 맞는 기사가 없습니다.",
    clear_search="검색과 필터 지우기",
    pages="목록 쪽",
    page_before="이전",
    page_after="다음",
    page_range="{total}건 중 {first}–{last}",
    column_actions="작업",
    delete="삭제",
    deleted="삭제함: {title}",
    undo="되돌리기",
    restored="되돌림: {title}",
    trash_one="최근 삭제한 기사 1건",
    trash_many="최근 삭제한 기사 {n}건",
    trash_hint="다음 재색인 뒤에는 답변에 쓰이지 않습니다.",
    put_back="되돌리기",
    index_heading="색인",
    index_counts="기사 {articles}건, 대목 {passages}개",
    index_up_to_date="최신 상태",
    index_new="색인이 바뀌었습니다: {id}",
    index_ready_one="폴더에 기사 1건이 있습니다. 색인을 만들면 질문할 수 있습니다.",
    index_ready_many="폴더에 기사 {n}건이 있습니다. 색인을 만들면 질문할 수 있습니다.",
    index_nothing="아직 기사가 없습니다. 여기에서 추가하거나 기사 폴더에 파일을 넣으세요.",
    index_degraded="최신 색인이 손상되어 이전 색인이 답합니다. 다시 만들면 고쳐지고, 잃는 것은 없습니다.",
    index_broken="색인을 쓸 수 없습니다. 다시 만들면 기사에서 새로 만들어집니다.",
    build="색인 만들기",
    waits="대기 중인 파일",
    waits_new="추가",
    waits_changed="변경",
    waits_gone="삭제",
    and_more="그 밖에 {n}개",
    rollback="이전 색인으로 되돌리기",
    rollback_ask="{date}에 만든 {id}(기사 {n}건)로 되돌릴까요? "
    "아무것도 삭제되지 않으며, 그 뒤에 바뀐 것은 다음 재색인을 기다립니다.",
    rollback_yes="되돌리기",
    rolled_back="{id}로 되돌렸습니다",
    cancel="취소",
    job_elsewhere="다른 프로세스가 색인을 다시 만드는 중",
    job_shrink_refused="한꺼번에 많은 기사가 없어져 아무것도 바꾸지 않았습니다. 되돌리거나, 없는 채로 다시 만드세요.",
    job_index_busy="다른 프로세스가 색인을 바꾸는 중이었습니다. 잠시 뒤 다시 해 보세요.",
    job_nothing_to_index="폴더에 읽을 수 있는 기사가 없습니다. 이전 색인이 계속 답합니다.",
    shrink="없는 채로 다시 만들기",
    charts="달과 출처별 기사 수",
    chart_time="달별 기사 수",
    chart_years="해별 기사 수",
    chart_sources="출처별 기사 수",
    chart_earlier="그 이전",
    chart_rest="다른 출처",
    chart_no_source="출처 없음",
    advice_empty="글을 넣거나 파일을 치우세요.",
    advice_binary="글만 .txt, .md, .html로 저장하세요.",
    advice_encoding="UTF-8로 다시 저장하세요.",
    advice_too_large="더 작은 파일로 나누세요.",
    advice_no_text="보이는 글을 복사해 여기에 붙여 넣으세요.",
    advice_permission="Footnote를 실행하는 계정에 읽기 권한을 주세요.",
    advice_not_regular="보통 파일로 바꾸세요.",
    advice_changed="파일이 다 쓰인 뒤 다시 색인하세요.",
    advice_missing="되돌려 놓거나 다시 색인하세요.",
    advice_unsupported="글, 마크다운, HTML로 저장하세요.",
    advice_malformed="열어서 다시 저장하거나 글을 붙여 넣으세요.",
    advice_path="다른 이름을 붙이세요.",
    advice_timeout="나누거나 글을 붙여 넣으세요.",
    advice_memory="나누거나 글을 붙여 넣으세요.",
    advice_crash="글을 복사해 붙여 넣으세요.",
    stage_scan="기사 찾는 중",
    stage_chunk="대목 나누는 중",
    stage_embed="대목 임베딩 중",
    stage_index="색인 만드는 중",
    stage_commit="교체하는 중",
    reason_empty="빈 파일입니다",
    reason_binary="글이 아닌 파일입니다",
    reason_encoding="글자를 읽을 수 없습니다",
    reason_too_large="파일이 너무 큽니다",
    reason_no_text="글을 찾지 못했습니다",
    reason_permission="읽을 권한이 없습니다",
    reason_not_regular="보통 파일이 아닙니다",
    reason_changed="읽는 동안 파일이 바뀌었습니다",
    reason_missing="파일이 없어졌습니다",
    reason_unsupported="지원하지 않는 형식입니다",
    reason_malformed="파일 형식이 잘못되었습니다",
    reason_path="쓸 수 없는 파일 이름입니다",
    reason_address="가져올 수 없는 주소입니다",
    reason_unreachable="페이지에 연결할 수 없습니다",
    reason_timeout="시간이 너무 오래 걸렸습니다",
    reason_memory="읽는 데 메모리가 너무 많이 듭니다",
    reason_crash="읽다가 실패했습니다",
    reason_bad_status="서버가 페이지를 주지 않았습니다",
)
