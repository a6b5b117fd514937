"""What the tabs are made of. Import Gradio through here: it calls home unless it is told not to before it is loaded."""

import os
from typing import Any

from ui.texts import Words, words_for

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# It sums up the times of its last ten thousand events after each event; nobody reads them here.
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**12)

import gradio as gr

__all__ = ["QUIET", "Update", "gr", "hidden_box", "html", "label", "may_change", "words_of"]

Update = Any
# For events: no spinner of Gradio's, and no place in its documentation.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def words_of(request: gr.Request) -> Words:
    """Return the words in the visitor's language."""
    return words_for(request.headers.get("accept-language"))


def may_change(request: gr.Request) -> bool:
    """Whether the visitor's key is good for more than reading; the guard has left its role with the request."""
    return request.request is None or getattr(request.request.state, "role", None) == "admin"


def label(key: str) -> Any:  # noqa: ANN401 - Gradio's I18nData is taken wherever it takes a str
    """Return a label that Gradio shows in the visitor's language."""
    return gr.I18n()(f"fn_{key}")


def html(value: str | None = None, **options: Any) -> gr.HTML:  # noqa: ANN401 - the options of gr.HTML
    """Return an element for HTML of our own, without Gradio's styles for prose."""
    return gr.HTML(value, apply_default_css=False, **options)


def hidden_box(name: str) -> gr.Textbox:
    """Return a text box that page.js fills in: how the page's own buttons and keys reach the server."""
    return gr.Textbox("", show_label=False, container=False, elem_id=name, elem_classes="fn-wire", max_lines=1)
