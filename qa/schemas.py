"""What comes back for a question: the wire form of answers, passages and checks, and the way to it from our records."""

from datetime import date
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from indexer.articles import Article
from qa.answer import Answer, Outcome
from qa.citations import Citation, Verdict, Verification
from qa.reader import Evidence
from qa.retrieval import Hit, Retrieval


class Wire(BaseModel):
    """Strict and closed, so that a wrong conversion fails in a test and not in somebody's client."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


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
    """A ranked passage; `score` compares within one question only."""

    article_id: str
    passage_id: str
    start_char_index: int
    end_char_index: int
    text: str
    score: float
    dense_score: float
    lexical_score: float

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
        )


class NewestSource(Wire):
    """The latest dated article that is cited."""

    article_id: str
    published: date

    @classmethod
    def among(cls, citations: list[CitationBody]) -> Self | None:
        """Return the newest; None when none of the cited articles has a date."""
        dated = [(citation.published, citation.article_id) for citation in citations if citation.published]
        if not dated:
            return None
        published, article_id = max(dated)
        return cls(article_id=article_id, published=published)


class AnswerBody(Wire):
    """An answer: quotations followed by their numbers, and everything needed to check them."""

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
    conflicts: list[Any]
    newest_source: NewestSource | None
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
            answerable=answer.outcome != "not_in_articles",
            confidence=answer.answerable,
            answer=answer.text,
            short_answer=answer.short_answer,
            citations=citations,
            evidence=[EvidenceBody.of(evidence) for evidence in answer.evidence],
            passages=[PassageBody.of(hit) for hit in answer.hits],
            conflicts=[],
            newest_source=NewestSource.among(citations),
            generation=answer.generation,
            warnings=list(answer.warnings),
            timings=dict(answer.timings_ms),
        )


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
