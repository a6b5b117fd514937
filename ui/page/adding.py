"""What the page offers to add articles: a place to drop files, a box for text; and the words that library.js needs."""

import json

from indexer.formats import SUFFIXES
from indexer.settings import Settings
from ui.page.markup import escape
from ui.texts import Words

# What library.js says; everything else it shows comes rendered.
SCRIPT_WORDS = (
    "adding", "add_summary", "add_unreachable", "add_done", "add_as", "add_already_there", "add_refused",
    "address_adding", "drop_here", "deleted", "undo", "restored", "index_new", "rolled_back", "cancel",
)  # fmt: skip


def adding_html(settings: Settings, words: Words) -> str:
    """Render the ways to add articles."""
    suffixes = sorted(SUFFIXES)
    hint = words.add_hint.format(suffixes=", ".join(suffixes), mb=settings.max_file_mb)
    return (
        f'<section class="fn-add" aria-labelledby="fn-add-title"><h2 id="fn-add-title">{words.add_articles}</h2>'
        f'<div class="fn-drop"><button type="button" class="fn-button" id="fn-upload">{words.choose_files}</button>'
        f'<input type="file" multiple hidden accept="{",".join(suffixes)}" aria-label="{words.choose_files}">'
        f'<p class="fn-drop-hint">{words.drop_hint}</p><p class="fn-note">{escape(hint)}</p></div>'
        f"{_paste(words)}{_address(settings, words)}"
        '<p class="fn-adding" hidden></p><ul id="fn-outcomes" class="fn-outcomes"></ul></section>'
    )


def reading_html(words: Words) -> str:
    """Say that the visitor may only read; library.css then hides what changes something, and the API refuses it."""
    return f'<section class="fn-read-only"><p class="fn-note">{words.read_only}</p></section>'


def _paste(words: Words) -> str:
    return (
        f'<details class="fn-paste" id="fn-paste-box"><summary>{words.paste_text}</summary><form id="fn-paste">'
        f"<label>{words.paste_title}"
        '<input type="text" name="title" maxlength="200" autocomplete="off"></label>'
        f'<label>{words.paste_body}<textarea name="text" rows="8" required></textarea></label>'
        f'<button type="submit" class="fn-button">{words.paste_add}</button></form></details>'
    )


def _address(settings: Settings, words: Words) -> str:
    # An operator decides whether this machine may fetch anything at all.
    if not getattr(settings, "fetch_urls", False):
        return ""
    return (
        f'<form id="fn-address"><label for="fn-address-field">{words.address_label}</label><div>'
        '<input type="url" id="fn-address-field" name="url" required maxlength="2000" placeholder="https://">'
        f'<button type="submit" class="fn-button">{words.address_add}</button></div></form>'
    )


def script_words_html(settings: Settings, words: Words) -> str:
    """Hand the words of library.js to it: those above, and every reason to refuse a file with its advice."""
    said = {key: getattr(words, key) for key in SCRIPT_WORDS}
    said |= {name: getattr(words, name) for name in dir(words) if name.startswith(("reason_", "advice_"))}
    known = json.dumps({**said, "code": words.code, "largest": settings.max_file_mb * 2**20}, ensure_ascii=False)
    return f'<div id="fn-words" hidden data-words="{escape(known)}"></div>'
