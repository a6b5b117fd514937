"""The main path: a question becomes an answer whose every sentence is a checked quotation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from qa.citations import Citation
from qa.reader import Evidence
from qa.retrieval import Hit

Outcome = Literal["answered", "partly", "not_in_articles"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange of a conversation."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user gets. `text` holds quotations, each followed by its number `[n]`, joined by a space.

    When `outcome` is `not_in_articles`, `text` is empty, `citations` is empty, and `evidence` and `hits` still say what came closest.
    """

    id: str
    question: str
    standalone_question: str
    outcome: Outcome
    answerable: float
    text: str
    short_answer: str | None
    citations: Sequence[Citation]
    evidence: Sequence[Evidence]
    hits: Sequence[Hit]
    generation: str
    warnings: Sequence[str] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
