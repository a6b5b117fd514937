"""What comes back for a question: the wire form of answers, passages and checks, and the way to it from our records."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from indexer.articles import Article
from qa.answer import Answer, Outcome
from qa.citations import Citation, Verdict, Verification
from qa.conflicts import Conflict
from qa.dates import Period, age_days
from qa.reader import Evidence
from qa.retrieval import Hit, Retrieval
from qa.writing import Written


class Wire(BaseModel):
    """Strict and closed, so that a wrong conversion fails in a test and not in somebody's client."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True, validate_by_name=True
    )


class ErrorBody(Wire):
    """What went wrong: `code` is stable, `message` is for people."""

    code: str
    message: str
    request_id: str


class ErrorResponse(Wire):
    """The one shape of every error."""

    error: ErrorBody


class Span(Wire):
    """A slice of a text in code points, end exclusive."""

    start: int
    end: int


class CitationBody(Wire):
    """A checked quotation: `article.text[start_char_index:end_char_index] == cited_text`."""

    index: int
    answer_span: Span
    article_id: str
    title: str
    author: str | None
    source: str | None
    published: date | None
    url: str | None
    cited_text: str
    start_char_index: int
    end_char_index: int
    prefix: str
    suffix: str
    article_sha256: str
    verified: bool
    also_in: list[str]

    @classmethod
    def of(cls, citation: Citation) -> Self:
        """Convert the record."""
        return cls(
            index=citation.index,
            answer_span=Span(start=citation.answer_start, end=citation.answer_end),
            article_id=citation.article_id,
            title=citation.title,
            author=citation.author,
            source=citation.source,
            published=citation.published,
            url=citation.url,
            cited_text=citation.cited_text,
            start_char_index=citation.start,
            end_char_index=citation.end,
            prefix=citation.prefix,
            suffix=citation.suffix,
            article_sha256=citation.article_sha256,
            verified=citation.verified,
            also_in=list(citation.also_in),
        )


class EvidenceBody(Wire):
    """A sentence that may answer; `score` is the probability that it does."""

    article_id: str
    start_char_index: int
    end_char_index: int
    text: str
    score: float

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        """Convert the record."""
        return cls(
            article_id=evidence.article.id,
            start_char_index=evidence.sentence.start,
            end_char_index=evidence.sentence.end,
            text=evidence.text,
            score=evidence.score,
        )


class PassageBody(Wire):
    """A ranked passage; `score` compares within one question only, `also_in` are articles with copies of it."""

    article_id: str
    passage_id: str
    start_char_index: int
    end_char_index: int
    text: str
    score: float
    dense_score: float
    lexical_score: float
    also_in: list[str]

    @classmethod
    def of(cls, hit: Hit) -> Self:
        """Convert the record."""
        return cls(
            article_id=hit.article.id,
            passage_id=hit.passage.id,
            start_char_index=hit.passage.start,
            end_char_index=hit.passage.end,
            text=hit.text,
            score=hit.score,
            dense_score=hit.dense_score,
            lexical_score=hit.lexical_score,
            also_in=list(hit.also_in),
        )


class NewestSource(Wire):
    """The latest dated article that is cited, and how many days old it is as of the day of the answer."""

    article_id: str
    published: date
    age_days: int

    @classmethod
    def among(cls, citations: list[CitationBody], *, as_of: date) -> Self | None:
        """Return the newest; None when none of the cited articles has a date."""
        dated = [(citation.published, citation.article_id) for citation in citations if citation.published]
        if not dated:
            return None
        published, article_id = max(dated)
        return cls(article_id=article_id, published=published, age_days=age_days(published, as_of))


class PeriodBody(Wire):
    """The days a question speaks of, both included; `from` is null when only the end is bounded.

    `kind` is "published" when the question asks for articles of these days, and "mentioned" when it only names them.
    """

    from_: date | None = Field(alias="from")
    to: date
    text: str
    kind: Literal["published", "mentioned"]

    @classmethod
    def of(cls, period: Period) -> Self:
        """Convert the record."""
        start = None if period.start == date.min else period.start
        return cls(from_=start, to=period.end, text=period.text, kind=period.kind)


class ConflictSide(Wire):
    """What one article says: `value` is the slice of it that gives the figure, `text` the sentence around it."""

    article_id: str
    title: str
    source: str | None
    published: date | None
    value: str
    start_char_index: int
    end_char_index: int
    text: str
    text_start_char_index: int
    text_end_char_index: int


class ConflictBody(Wire):
    """Figures that articles give differently, the oldest article first; no winner is picked."""

    kind: str
    sides: list[ConflictSide]

    @classmethod
    def of(cls, conflict: Conflict) -> Self:
        """Convert the record."""
        return cls(
            kind=conflict.kind,
            sides=[
                ConflictSide(
                    article_id=side.evidence.article.id,
                    title=side.evidence.article.title,
                    source=side.evidence.article.source,
                    published=side.evidence.article.published,
                    value=side.value,
                    start_char_index=side.start,
                    end_char_index=side.end,
                    text=side.evidence.text,
                    text_start_char_index=side.evidence.sentence.start,
                    text_end_char_index=side.evidence.sentence.end,
                )
                for side in conflict.sides
            ],
        )


class WrittenSentenceBody(Wire):
    """A sentence of the language model: `cites` are citation numbers; `problems` say why it is not `supported`."""

    text: str
    cites: list[int]
    supported: bool
    problems: list[str]


class WrittenBody(Wire):
    """What a language model made of the cited sentences, each of its sentences checked against what it cites."""

    model: str
    sentences: list[WrittenSentenceBody]

    @classmethod
    def of(cls, written: Written) -> Self:
        """Convert the record."""
        sentences = [
            WrittenSentenceBody(
                text=one.text, cites=list(one.cites), supported=one.supported, problems=list(one.problems)
            )
            for one in written.sentences
        ]
        return cls(model=written.model, sentences=sentences)


class AnswerBody(Wire):
    """An answer: quotations followed by their numbers, and everything needed to check them.

    `missing` names what a partly answered question lacks; `written` is null unless a language model was asked.
    """

    id: str
    question: str
    standalone_question: str
    outcome: Outcome
    answerable: bool
    confidence: float
    answer: str
    short_answer: str | None
    citations: list[CitationBody]
    evidence: list[EvidenceBody]
    passages: list[PassageBody]
    missing: list[str]
    conflicts: list[ConflictBody]
    written: WrittenBody | None
    newest_source: NewestSource | None
    as_of: date
    period: PeriodBody | None
    generation: str
    warnings: list[str]
    timings: dict[str, float]

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Convert the record."""
        citations = [CitationBody.of(citation) for citation in answer.citations]
        return cls(
            id=answer.id,
            question=answer.question,
            standalone_question=answer.standalone_question,
            outcome=answer.outcome,
            answerable=answer.answered,
            confidence=answer.answerable,
            answer=answer.text,
            short_answer=answer.short_answer,
            citations=citations,
            evidence=[EvidenceBody.of(evidence) for evidence in answer.evidence],
            passages=[PassageBody.of(hit) for hit in answer.hits],
            missing=list(answer.missing),
            conflicts=[ConflictBody.of(conflict) for conflict in answer.conflicts],
            written=WrittenBody.of(answer.written) if answer.written else None,
            newest_source=NewestSource.among(citations, as_of=answer.as_of),
            as_of=answer.as_of,
            period=PeriodBody.of(answer.period) if answer.period else None,
            generation=answer.generation,
            warnings=list(answer.warnings),
            timings=dict(answer.timings_ms),
        )


class FeedbackBody(Wire):
    """What was said is on the disk, under this id."""

    id: str


class SearchBody(Wire):
    """Ranked passages, best first."""

    question: str
    passages: list[PassageBody]
    generation: str
    warnings: list[str]

    @classmethod
    def of(cls, retrieval: Retrieval, *, question: str, generation: str) -> Self:
        """Convert the record."""
        return cls(
            question=question,
            passages=[PassageBody.of(hit) for hit in retrieval.hits],
            generation=generation,
            warnings=list(retrieval.warnings),
        )


class VerifyBody(Wire):
    """What became of a quote, and where it is now; both offsets are null when it is nowhere."""

    verdict: Verdict
    start_char_index: int | None
    end_char_index: int | None
    article_sha256: str | None
    generation: str

    @classmethod
    def of(cls, verification: Verification, *, article: Article | None, generation: str) -> Self:
        """Convert the record."""
        return cls(
            verdict=verification.verdict,
            start_char_index=verification.start,
            end_char_index=verification.end,
            article_sha256=article.sha256 if article else None,
            generation=generation,
        )
