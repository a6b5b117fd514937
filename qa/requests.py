"""What may be sent: strict and closed, with no coercion, no unknown field and a limit on everything."""

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from qa.answer import Outcome
from qa.feedback import Feedback, Quote, Rating, Reason, new_id, now
from qa.followups import Turn
from qa.retrieval import Filters

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MAX_TEXT_CHARS = 20_000
MAX_ID_CHARS = 1000
MAX_HISTORY = 20
MAX_FILTER_VALUES = 1000
MAX_OFFSET = 2**31 - 1
MAX_TITLE_CHARS = 300
MAX_URL_CHARS = 2000
MAX_COMMENT_CHARS = 2000
MAX_FEEDBACK_CITATIONS = 20


def _is_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("must not contain half of a surrogate pair") from error
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _iso_date(value: object) -> object:
    """JSON has no dates: take exactly YYYY-MM-DD, which `date.fromisoformat` alone is too kind for."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value if DAY.fullmatch(value) else "")
    except ValueError as error:
        raise ValueError("must be a date such as 2026-01-31") from error


def _whole(value: object) -> object:
    """JSON knows one kind of number: 10.0 is 10."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# For whoever reads the schema: what the validators above demand, as far as it can be said there.
_NO_NUL = Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})
_NOT_BLANK = Field(json_schema_extra={"minLength": 1, "pattern": r"^[^\u0000]*[^\u0000\s][^\u0000]*$"})

Text = Annotated[str, AfterValidator(_is_text), Field(max_length=MAX_TEXT_CHARS), _NO_NUL]
Words = Annotated[str, AfterValidator(_not_blank), AfterValidator(_is_text), _NOT_BLANK]
Question = Words
Id = Annotated[str, AfterValidator(_is_text), Field(min_length=1, max_length=MAX_ID_CHARS), _NO_NUL]
IsoDate = Annotated[date, BeforeValidator(_iso_date, json_schema_input_type=date)]
WholeNumber = Annotated[int, BeforeValidator(_whole)]
CharIndex = Annotated[WholeNumber, Field(ge=0, le=MAX_OFFSET)]
Ids = Annotated[list[Id], Field(max_length=MAX_FILTER_VALUES)]
OneOrMany = Annotated[Ids | Id, Field(description="one, or a list of which any will do")]


WebAddress = Annotated[
    str, AfterValidator(_is_text), Field(max_length=MAX_URL_CHARS, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/]\S*$")
]


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class HistoryTurn(_Request):
    """An earlier exchange of the conversation."""

    question: Annotated[Words, Field(max_length=MAX_TEXT_CHARS)]
    answer: Text = ""


class FiltersRequest(_Request):
    """What the answer may draw on; the bounds of dates are inclusive, and an article without a date passes neither."""

    from_: Annotated[IsoDate | None, Field(alias="from")] = None
    to: IsoDate | None = None
    source: OneOrMany | None = None
    language: OneOrMany | None = None
    collection: OneOrMany | None = None
    article_ids: Ids = []

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ and self.to and self.from_ > self.to:
            raise ValueError("`from` is after `to`")
        return self

    def record(self, as_of: date | None = None) -> Filters:
        """Return the filters; nothing published after `as_of` may be used."""
        bounds = [bound for bound in (self.to, as_of) if bound]
        return Filters(
            published_from=self.from_,
            published_to=min(bounds, default=None),
            sources=_many(self.source),
            languages=_many(self.language),
            article_ids=tuple(self.article_ids),
            collections=_many(self.collection),
        )


def _many(value: list[str] | str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


class SearchRequest(_Request):
    """A question whose passages are wanted."""

    question: Question
    filters: FiltersRequest = FiltersRequest()
    as_of: IsoDate | None = Field(None, description="leave out what was published later")
    top_k: Annotated[WholeNumber, Field(ge=1, le=50)] = 10


class AnswerRequest(SearchRequest):
    """A question to answer; with `stream`, as server-sent events."""

    history: Annotated[list[HistoryTurn], Field(max_length=MAX_HISTORY)] = []
    stream: bool = False
    mode: Literal["extractive", "generate"] = "extractive"

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The history as records."""
        return tuple(Turn(question=turn.question, answer=turn.answer) for turn in self.history)


class VerifyRequest(_Request):
    """A citation, as it was given with an answer, to be checked against the articles of now."""

    article_id: Id
    cited_text: Annotated[Text, Field(min_length=1)]
    start_char_index: CharIndex
    end_char_index: CharIndex
    prefix: Text = ""
    suffix: Text = ""
    article_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class RebuildRequest(_Request):
    """`allow_shrink` lets a rebuild lose more articles than the setting `shrink_limit` allows."""

    allow_shrink: bool = False


class TextArticleRequest(_Request):
    """An article as text; `name` ends with the suffix of its format."""

    name: Id
    text: Annotated[str, AfterValidator(_is_text), Field(min_length=1), _NO_NUL]


class PastedArticleRequest(_Request):
    """An article pasted as text, Markdown or plain, with what is known of it."""

    title: Annotated[Words, Field(max_length=MAX_TITLE_CHARS)]
    text: Words
    source: (
        Annotated[str, AfterValidator(_is_text), Field(min_length=1, max_length=MAX_TITLE_CHARS), _NO_NUL] | None
    ) = None
    published: IsoDate | None = None
    url: WebAddress | None = None


class PageRequest(_Request):
    """A page of the web to be fetched."""

    url: WebAddress


class FeedbackCitation(_Request):
    """A citation as it was given with the answer; the fields that place it are enough."""

    article_id: Id
    start_char_index: CharIndex
    end_char_index: CharIndex
    cited_text: Annotated[Text, Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_char_index >= self.end_char_index:
            raise ValueError("`start_char_index` is not before `end_char_index`")
        return self


class FeedbackRequest(_Request):
    """What a user says of an answer; a `reason` goes with a thumbs-down."""

    question: Question
    rating: Rating
    reason: Reason | None = None
    comment: Annotated[str, AfterValidator(_is_text), Field(max_length=MAX_COMMENT_CHARS), _NO_NUL] = ""
    answer_id: Id | None = None
    standalone_question: Question | None = None
    outcome: Outcome | None = None
    generation: Id | None = None
    citations: Annotated[list[FeedbackCitation], Field(max_length=MAX_FEEDBACK_CITATIONS)] = []

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.reason and self.rating == "up":
            raise ValueError("a `reason` goes with the rating `down`")
        return self

    def record(self) -> Feedback:
        """Return the remark, said now."""
        quotes = (Quote(**citation.model_dump()) for citation in self.citations)
        said = self.model_dump(exclude={"citations"})
        return Feedback(id=new_id(), at=now(), citations=tuple(quotes), **said)


class RestoreRequest(_Request):
    """What a deletion returned."""

    trash_id: Annotated[str, Field(min_length=1, max_length=100)]
