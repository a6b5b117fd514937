"""The tab with the conversations: the browser keeps, lists and saves them, the server lends it the words."""

from dataclasses import asdict
from typing import Any

from ui.history_words import history_words
from ui.page.elements import Update, html
from ui.page.markup import escape
from ui.texts import Words

# How dates are written, in the notation that browsers know.
LOCALES = {"en": "en-GB", "ko": "ko-KR"}
# What a saved conversation says in words of the other tab.
BORROWED = (
    "sources",
    "understood_as",
    "not_in_articles",
    "partly",
    "near_miss",
    "closest",
    "disagree",
    "written_by",
    "not_verified",
    "date_unknown",
    "cancel",
)


class HistoryTab:
    """The tab's one element; nothing that is used in it reaches the server but what is opened."""

    def build(self) -> None:
        """Lay the tab out."""
        self.room = html(elem_id="fn-history-room")

    @property
    def fixed(self) -> list[Any]:
        """The elements that `fixed_values` fills when the page is opened."""
        return [self.room]

    def fixed_values(self, words: Words) -> list[Update]:
        """Return the words of the tab."""
        return [history_html(words)]


def history_html(words: Words) -> str:
    """Render the empty tab with its words as data, by the names that the scripts ask for."""
    own = history_words(words)
    data = asdict(own) | {f"say_{key}": getattr(words, key) for key in BORROWED}
    attributes = "".join(f' data-{key.replace("_", "-")}="{escape(value)}"' for key, value in data.items())
    return (
        f'<div id="fn-history" data-locale="{LOCALES[words.code]}"{attributes}>'
        f'<h2 class="fn-history-title">{own.heading}</h2><p class="fn-note">{own.where}</p></div>'
    )
