"""The words of the page and the command line: what there is to say, and how English says it."""

from dataclasses import asdict, dataclass

from ui.library_words import LIBRARY_ENGLISH, LibraryWords


@dataclass(frozen=True, slots=True)
class Words(LibraryWords):
    """The words of one language. A field that ends in `_one` is the singular of its `_many`."""

    code: str
    # the frame of the page
    tab_ask: str
    tab_library: str
    tab_history: str
    status_articles_one: str
    status_articles_many: str
    status_index: str
    status_built: str
    status_waiting_one: str
    status_waiting_many: str
    status_rebuilding: str
    status_degraded: str
    no_index: str
    # asking
    chat_label: str
    question_label: str
    question_placeholder: str
    ask: str
    stop: str
    new_chat: str
    intro_title: str
    intro_body: str
    examples_label: str
    searching_one: str
    searching_many: str
    asked_by_you: str
    answered: str
    understood_as: str
    period_only: str
    period_until_only: str
    partly: str
    near_miss: str
    not_in_articles: str
    closest: str
    closest_link: str
    try_heading: str
    try_rephrase: str
    try_filters: str
    try_add: str
    warnings_heading: str
    warning_embedder_blind: str
    warning_filters_match_nothing: str
    warning_period_matches_nothing: str
    warning_no_writer: str
    warning_writer_timeout: str
    warning_writer_unreachable: str
    warning_writer_bad_status: str
    warning_writer_oversize: str
    warning_writer_refused: str
    warning_writer_nonsense: str
    question_too_long: str
    failed: str
    stopped: str
    line_place: str
    line_full: str
    # figures that disagree
    disagree: str
    disagree_hint: str
    # sentences of a language model
    generate: str
    written_by: str
    word_for_word: str
    unsupported: str
    problem_no_citation: str
    problem_unknown_citation: str
    problem_figure: str
    problem_name: str
    problem_quotation: str
    problem_negation: str
    problem_words: str
    problem_not_entailed: str
    problem_markup: str
    # what can be done with an answer
    timeline: str
    weak_match: str
    act_copy: str
    act_again: str
    act_edit: str
    act_undo: str
    act_up: str
    act_down: str
    editing: str
    ask_next: str
    previous_quotation: str
    next_quotation: str
    feedback_why: str
    feedback_wrong: str
    feedback_incomplete: str
    feedback_not_in_articles_but_is: str
    feedback_in_articles_but_wrong_quote: str
    feedback_other: str
    feedback_comment: str
    feedback_send: str
    feedback_thanks: str
    feedback_failed: str
    server_gone: str
    # filters
    filters: str
    filters_on: str
    filter_from: str
    filter_to: str
    filter_date_info: str
    filter_sources: str
    filter_languages: str
    filter_collections: str
    filter_collection: str
    filter_after: str
    filter_before: str
    bad_date: str
    dates_reversed: str
    # sources
    sources: str
    sources_empty: str
    sources_hint: str
    sources_lost: str
    quotations_one: str
    quotations_many: str
    in_articles_one: str
    in_articles_many: str
    newest_source: str
    source_number: str
    copied: str
    closest_card: str
    also_in: str
    disagree_card: str
    also_found: str
    earlier_answer: str
    read_article: str
    back: str
    new_tab: str
    open_original: str
    shortened: str
    changed_since: str
    not_verified: str
    date_unknown: str
    date_front_matter: str
    date_metadata: str
    date_text: str
    date_path: str
    date_request: str
    support: str
    support_strong: str
    support_good: str
    support_fair: str
    support_weak: str
    cited_sentence: str
    article_not_found: str
    article_not_found_hint: str
    back_to_footnote: str
    # the library
    library_heading: str
    add_articles: str
    add_hint: str
    rebuild: str
    column_title: str
    column_source: str
    column_date: str
    column_language: str
    column_passages: str
    no_articles: str
    add_done: str
    add_as: str
    add_already_there: str
    add_refused: str
    waiting_hint: str
    job_queued: str
    job_running: str
    job_done: str
    job_changes: str
    job_up_to_date: str
    job_failed: str
    job_progress: str
    eta: str
    problems_one: str
    problems_many: str
    language_en: str
    language_ko: str
    language_und: str
    seconds: str
    minutes: str
    today: str
    days_one: str
    days_many: str
    months_one: str
    months_many: str


ENGLISH = Words(
    **asdict(LIBRARY_ENGLISH),
    code="en",
    tab_ask="Ask",
    tab_library="Library",
    tab_history="History",
    status_articles_one="1 article",
    status_articles_many="{n} articles",
    status_index="index {id}",
    status_built="built {date}",
    status_waiting_one="1 file waiting for a rebuild",
    status_waiting_many="{n} files waiting for a rebuild",
    status_rebuilding="rebuilding now",
    status_degraded="the newest index is damaged, an older one answers",
    no_index="There is no index yet. Open the Library and press Rebuild.",
    chat_label="Questions and answers",
    question_label="Your question",
    question_placeholder="Ask a question about the articles",
    ask="Ask",
    stop="Stop",
    new_chat="New conversation",
    intro_title="Ask. Then check where it says so.",
    intro_body="Every sentence of an answer is quoted word for word from your articles. "
    "Choose a number to read it in its place. When the articles don’t say, Footnote says that.",
    examples_label="For example",
    searching_one="Reading 1 article …",
    searching_many="Reading {n} articles …",
    asked_by_you="Your question",
    answered="Answer",
    understood_as="Understood as:",
    period_only="Articles from {period} only",
    period_until_only="Articles up to {date} only",
    partly="The articles answer part of this. Not answered: {missing}",
    near_miss="The articles speak of it, but do not say this. Not found: {missing}",
    not_in_articles="The articles don’t answer this.",
    closest="The closest passage, which does not answer it:",
    closest_link="Read it in its article",
    try_heading="What you can try",
    try_rephrase="Ask with the words the articles would use, or about one thing at a time.",
    try_filters="Loosen the filters: {filters}.",
    try_add="Add articles about it in the Library, then rebuild.",
    warnings_heading="Please note",
    warning_embedder_blind="The embedding model does not know this language, so only word search was used.",
    warning_filters_match_nothing="No article matches the filters.",
    warning_period_matches_nothing="No article is from the period asked for ({period}), so all were searched.",
    warning_no_writer="No language model is set up, so there are quotations only.",
    warning_writer_timeout="The language model took too long, so there are quotations only.",
    warning_writer_unreachable="The language model cannot be reached, so there are quotations only.",
    warning_writer_bad_status="The language model’s server refused or failed, so there are quotations only.",
    warning_writer_oversize="The language model wrote far too much, so there are quotations only.",
    warning_writer_refused="The language model found no answer in the quotations, or declined to write one.",
    warning_writer_nonsense="Nothing the language model wrote stands in the quotations, so it is not shown.",
    question_too_long="The question is longer than {n} characters. Please shorten it.",
    failed="Something went wrong on the server and nothing was answered. Please ask again.",
    stopped="Stopped.",
    line_place="Others are asking at the moment. You are number {n} in line.",
    line_full="Too many questions are waiting at the moment. Yours is still in the box: ask again in a moment.",
    disagree="The articles disagree",
    disagree_hint="Each figure as its article gives it, oldest first. Footnote does not choose.",
    generate="Also have a language model word the answer",
    written_by="Worded by a language model ({model}); each sentence is checked against what it cites",
    word_for_word="Word for word from the articles",
    unsupported="Not supported: {problems}.",
    problem_no_citation="it cites nothing",
    problem_unknown_citation="it cites a number that is no source",
    problem_figure="a number or date is not in what it cites",
    problem_name="a name is not in what it cites",
    problem_quotation="a quotation is not in what it cites",
    problem_negation="it denies what the source says, or the reverse",
    problem_words="too much of it is not in what it cites",
    problem_not_entailed="it does not follow from what it cites",
    problem_markup="it held markup or a web address",
    timeline="When the quoted articles were published",
    weak_match="A weak match. Read the sentence in its place before you rely on it.",
    act_copy="Copy with sources",
    act_again="Ask again",
    act_edit="Edit question",
    act_undo="Take back",
    act_up="Good answer",
    act_down="Bad answer",
    editing="You are editing your last question.",
    ask_next="Ask next",
    previous_quotation="Previous quotation",
    next_quotation="Next quotation",
    feedback_why="What is wrong with it?",
    feedback_wrong="It does not answer the question",
    feedback_incomplete="Something is missing",
    feedback_not_in_articles_but_is="The articles do answer this",
    feedback_in_articles_but_wrong_quote="Another sentence answers it",
    feedback_other="Something else",
    feedback_comment="More about it (optional)",
    feedback_send="Send",
    feedback_thanks="Noted, on this machine only.",
    feedback_failed="That could not be noted.",
    server_gone="Footnote is not running at the moment. Nothing is lost; the page goes on when it is back.",
    filters="Filters",
    filters_on="Filters on: {filters}",
    filter_from="Published from",
    filter_to="Published to",
    filter_date_info="Articles without a known date are left out when a date is set.",
    filter_sources="Sources",
    filter_languages="Languages",
    filter_collections="Collections",
    filter_collection="collection {name}",
    filter_after="from {date}",
    filter_before="to {date}",
    bad_date="“{value}” is not a date. Write it as YYYY-MM-DD, for example 2026-01-31.",
    dates_reversed="“Published from” is later than “Published to”.",
    sources="Sources",
    sources_empty="The sources of each answer appear here.",
    sources_hint="Choose a number in an answer to read the quoted sentence in its article.",
    sources_lost="The sources of an earlier answer are no longer held. Ask again to see them.",
    quotations_one="1 quotation",
    quotations_many="{n} quotations",
    in_articles_one="from 1 article",
    in_articles_many="from {n} articles",
    newest_source="newest source {age}",
    source_number="Source",
    copied="Copied",
    closest_card="Closest passage, not an answer",
    also_in="Also in:",
    disagree_card="Gives another figure",
    also_found="Also found, not cited",
    earlier_answer="Earlier:",
    read_article="Read it in the article",
    back="Back to the answer",
    new_tab="Open in a new tab",
    open_original="Open the original",
    shortened="This article is long. Shown here is the part around the quotation; open it in a new tab to read it all.",
    changed_since="This article has changed since it was quoted. The quoted sentence may have moved.",
    not_verified="This quotation could not be checked against its article.",
    date_unknown="date unknown",
    date_front_matter="from the front matter",
    date_metadata="from the file’s metadata",
    date_text="found in the text",
    date_path="from the file name",
    date_request="given when it was added",
    support="Support",
    support_strong="strong",
    support_good="good",
    support_fair="fair",
    support_weak="weak",
    cited_sentence="Quoted sentence",
    article_not_found="This article is not in the index.",
    article_not_found_hint="It may have been renamed or taken out of the corpus since.",
    back_to_footnote="Back to Footnote",
    library_heading="Articles",
    add_articles="Add articles",
    add_hint="{suffixes}, up to {mb} MB each",
    rebuild="Rebuild the index",
    column_title="Title",
    column_source="Source",
    column_date="Published",
    column_language="Language",
    column_passages="Passages",
    no_articles="There are no articles in the index yet. Add some, then rebuild.",
    add_done="added",
    add_as="added as {name}",
    add_already_there="already there",
    add_refused="not added",
    waiting_hint="Rebuild to bring the answers up to date. Questions keep being answered meanwhile.",
    job_queued="The rebuild is about to start",
    job_running="Rebuilding",
    job_done="The index was rebuilt",
    job_changes="{new} new, {changed} changed, {gone} gone",
    job_up_to_date="The index was up to date already.",
    job_failed="The rebuild failed. The index from before still answers.",
    job_progress="{done} of {total}",
    eta="about {time} left",
    problems_one="1 file could not be used",
    problems_many="{n} files could not be used",
    language_en="English",
    language_ko="Korean",
    language_und="Unknown",
    seconds="{n} s",
    minutes="{n} min",
    today="from today",
    days_one="1 day old",
    days_many="{n} days old",
    months_one="1 month old",
    months_many="{n} months old",
)
