"""Why an article was, or was not, used for an answer: every step it passed, and the one that dropped it."""

import difflib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic import TypeAdapter

from indexer.articles import Article
from indexer.errors import UsageError
from indexer.generation import Generation
from qa.answer import Answer, Answerer, Outcome
from qa.composition import MAX_SENTENCES, NEARLY_AS_GOOD
from qa.dates import period_in
from qa.questions import parts_of
from qa.reader import MAX_EVIDENCE
from qa.retrieval import NO_FILTERS, Filters
from qa.tracing import Comparison, PassageTrace, Trace, Understanding, trace

Step = Literal["filters", "retrieval", "fusion", "closer_look", "folding", "reader", "answerability", "composition"]
STEPS: tuple[Step, ...] = (
    "filters",
    "retrieval",
    "fusion",
    "closer_look",
    "folding",
    "reader",
    "answerability",
    "composition",
)

NEAREST_IDS = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that the steps go by."""

    retrieval_depth: int
    rescored_passages: int
    read_passages: int
    answer_threshold: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an article was, or was not, used; of a question of two parts, in the part in which it came further.

    `answerable` is that of this part, `outcome` that of the whole. `cited` holds the numbers of its citations.
    `dropped_at` is the step at which it fell out, None when it is cited; `reason` says it in a sentence, and
    `advice` what would help.
    """

    question: str
    article_id: str
    title: str
    published: date | None
    generation: str
    limits: Limits
    understood: Understanding
    passages: tuple[PassageTrace, ...]
    ranked: int
    comparison: Comparison | None
    answerable: float
    outcome: Outcome
    cited: tuple[int, ...]
    cited_articles: tuple[str, ...]
    dropped_at: Step | None
    reason: str
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """The machine's form: the same names, dates as YYYY-MM-DD."""
        plain: dict[str, Any] = TypeAdapter(Explanation).dump_python(self, mode="json")
        return plain


def explain(
    answerer: Answerer, question: str, article_id: str, *, filters: Filters = NO_FILTERS, as_of: date | None = None
) -> Explanation:
    """Answer the question, and follow one article through every step of that.

    `article_id` may be a unique end of an id. Raises UsageError when no article, or more than one, has it.
    """
    article = find_article(answerer.generation, article_id)
    as_of = as_of or date.today()
    answer = answerer.answer(question, filters=filters, as_of=as_of)
    period = period_in(question, as_of)
    ways = [
        _Way(answerer, answer, article, trace(answerer, part, article, filters=filters, period=period, as_of=as_of))
        for part in parts_of(question)
    ]
    return max(ways, key=_Way.how_far).explanation()


def find_article(generation: Generation, name: str) -> Article:
    """Return the article of this id, or the only one whose id ends so; raises UsageError naming the nearest."""
    name = unicodedata.normalize("NFC", name)
    if name in generation.articles:
        return generation.articles[name]
    ends = [known for known in generation.articles if known.endswith(f"/{name}")]
    ends = ends or [known for known in generation.articles if name and known.endswith(name)]
    if len(ends) == 1:
        return generation.articles[ends[0]]
    if ends:
        raise UsageError(f"{len(ends)} articles end with {name}.", advice=f"Name one: {', '.join(sorted(ends))}.")
    nearest = difflib.get_close_matches(name, generation.articles, NEAREST_IDS, cutoff=0.3)
    meant = f"Did you mean {' or '.join(nearest)}? " if nearest else ""
    raise UsageError(f"There is no article {name} in the index.", advice=f"{meant}`footnote articles` lists all.")


class _Way:
    """The way of an article through one part of the question, and where it ended."""

    def __init__(self, answerer: Answerer, answer: Answer, article: Article, trace: Trace) -> None:
        self._settings = answerer.settings
        self._answer = answer
        self._article = article
        self._trace = trace
        self._own = [item for item in trace.reading.evidence if item.article.id == article.id]
        self._cited = tuple(item.index for item in answer.citations if item.article_id == article.id)
        self._dropped_at = self._step()

    def how_far(self) -> tuple[int, float]:
        """Say how far it came: by step, then by the score of its best sentence."""
        step = STEPS.index(self._dropped_at) if self._dropped_at else len(STEPS)
        return step, self._own[0].score if self._own else 0.0

    def explanation(self) -> Explanation:
        """Put it all into one record."""
        trace, settings = self._trace, self._settings
        told: Mapping[Step | None, Callable[[], tuple[str, str]]] = {
            None: self._quoted,
            "filters": self._filtered,
            "retrieval": self._not_retrieved,
            "fusion": self._ranked_low,
            "closer_look": self._ranked_low,
            "folding": self._folded,
            "reader": self._read_past,
            "answerability": self._refused,
            "composition": self._left_out,
        }
        reason, advice = told[self._dropped_at]()
        return Explanation(
            question=self._answer.question,
            article_id=self._article.id,
            title=self._article.title,
            published=self._article.published,
            generation=self._answer.generation,
            limits=Limits(
                settings.retrieval_depth, settings.rescored_passages, settings.read_passages, settings.answer_threshold
            ),
            understood=trace.understood,
            passages=trace.passages,
            ranked=trace.ranked,
            comparison=trace.comparison,
            answerable=trace.reading.answerable,
            outcome=self._answer.outcome,
            cited=self._cited,
            cited_articles=tuple(dict.fromkeys(item.article_id for item in self._answer.citations)),
            dropped_at=self._dropped_at,
            reason=reason,
            advice=advice,
        )

    def _step(self) -> Step | None:
        """The step at which it fell out, in the order in which the steps are taken."""
        best = self._trace.passages[0] if self._trace.passages else None
        if self._cited:
            return None
        if not all(check.passes for check in self._trace.understood.filters):
            return "filters"
        if best is None or best.fused_rank is None:
            return "retrieval"
        if self._carried_by():
            return "folding"
        if not best.read:
            was_ahead = self._trace.fused_rank is not None and self._trace.fused_rank <= self._settings.read_passages
            return "closer_look" if was_ahead else "fusion"
        if not self._own:
            return "reader"
        return "answerability" if self._trace.reading.answerable < self._settings.answer_threshold else "composition"

    def _carried_by(self) -> str | None:
        """The article that is shown in place of this one, which carries the same passage."""
        return next((hit.article.id for hit in self._answer.hits if self._article.id in hit.also_in), None)

    # ---------------------------------------------------------------- in words

    def _quoted(self) -> tuple[str, str]:
        return f"It is quoted as {' and '.join(f'[{number}]' for number in self._cited)}.", ""

    def _filtered(self) -> tuple[str, str]:
        check = next(check for check in self._trace.understood.filters if not check.passes)
        what = "the question asks for articles from" if check.name == "period" else f"the filter “{check.name}” wants"
        if check.found is None:
            field = "date" if check.name in ("from", "to", "period") else check.name
            advice = f"Give the article a {field} in its front matter, or ask without that."
            return f"It has no {field}, and {what} {check.wanted}.", advice
        return (
            f"It has {check.found}, and {what} {check.wanted}.",
            "Ask without that, or correct the article if it is wrong.",
        )

    def _not_retrieved(self) -> tuple[str, str]:
        if not self._trace.passages:
            return "Nothing of it can be found: it has no sentences, only headings or clutter.", "Look at the article."
        depth, understood = self._settings.retrieval_depth, self._trace.understood
        shared = {token for passage in self._trace.passages for token in passage.matched}
        if not understood.embedder_knows:
            meaning = "the embedder does not know the language of the question"
            advice = "Ask with words of the article, or in its language; or set `embedder` to a model that knows both."
        else:
            meaning = f"none of its passages is among the {depth:,} nearest in meaning"
            advice = "Ask with words of the article, narrow the question with a filter, or raise `retrieval_depth`."
        words = f"nor among the {depth:,} with most of the question's words" if shared else _NO_WORDS
        return f"{meaning[0].upper()}{meaning[1:]}, {words}.", advice

    def _ranked_low(self) -> tuple[str, str]:
        trace, read = self._trace, self._settings.read_passages
        best, period = trace.passages[0], trace.understood.period
        how = f"; before the closer look, one was {trace.fused_rank}" if self._dropped_at == "closer_look" else ""
        reason = f"Its best passage came {best.final_rank} of {trace.ranked:,}{how}; only the first {read} are read."
        words = f"It has {len(best.matched) or 'none'} of the question's {len(trace.understood.terms)} words"
        earlier = f" Articles from about “{period.text}” are preferred." if period and not best.near_in_time else ""
        more = "ask with more of its words, narrow the question with a filter, or raise `read_passages`."
        return reason, f"{words}: {more}{earlier}"

    def _folded(self) -> tuple[str, str]:
        return (
            f"Its passage stands in nearly the same words in {self._carried_by()}, which is shown in its place.",
            "It is named there; to read this article alone, filter by its id or source.",
        )

    def _read_past(self) -> tuple[str, str]:
        compared = self._trace.comparison
        place = (
            f"Its best sentence came {compared.best.rank} of {compared.sentences}"
            if compared and compared.best
            else ("None of its sentences was chosen")
        )
        return (
            f"It was read, but other sentences answer better. {place}; the best {MAX_EVIDENCE} go on.",
            "See what helped and hurt it; ask for what its sentence says, or narrow the question with a filter.",
        )

    def _refused(self) -> tuple[str, str]:
        unknown = [term.token for term in self._trace.understood.terms if not term.frequency]
        missing = f"No article has the words {', '.join(unknown)}. " if unknown else ""
        return (
            "Its sentence is among the best, but the chance that any of them answers is "
            f"{self._trace.reading.answerable:.2f}, below the threshold of {self._settings.answer_threshold:.2f}.",
            f"{missing}Ask for exactly what the article says; `answer_threshold` sets how sure Footnote must be.",
        )

    def _left_out(self) -> tuple[str, str]:
        own, best = self._own[0], self._trace.reading.evidence[0]
        advice = "It is among the evidence of the answer; to hear this article alone, filter by its id or source."
        if any(own.text == item.cited_text for item in self._answer.citations):
            return "The same sentence is quoted from another article.", advice
        share = own.score / best.score if best.score else 0.0
        if share >= NEARLY_AS_GOOD:
            return f"Its sentence is good enough, but {MAX_SENTENCES} better ones are quoted already.", advice
        return (
            f"Its best sentence is {share:.0%} as likely to answer as the best one; {NEARLY_AS_GOOD:.0%} is needed "
            "to stand beside it.",
            advice,
        )


_NO_WORDS = "and none of the question's words stands in it"
