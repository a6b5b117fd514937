"""The wire: what is taken, what is refused, and that nothing is lost on the way from a record."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qa.library import Library
from qa.problems import MalformedJsonError, parse_json
from qa.requests import AnswerRequest, SearchRequest, VerifyRequest
from qa.retrieval import Filters
from qa.schemas import AnswerBody
from qa.streaming import sentences

FULL = {
    "question": "When?",
    "history": [{"question": "What?", "answer": "That."}],
    "filters": {
        "from": "2025-01-01",
        "to": "2026-02-28",
        "source": ["The Example Post"],
        "language": "en",
        "article_ids": ["ferries.md"],
        "collection": ["policy", "roads/2026"],
    },
    "as_of": "2026-01-31",
    "top_k": 50,
    "stream": True,
    "mode": "extractive",
}


def test_a_full_request_becomes_records() -> None:
    request = AnswerRequest.model_validate(FULL)
    assert request.filters.record(request.as_of) == Filters(
        published_from=date(2025, 1, 1),
        published_to=date(2026, 1, 31),
        sources=("The Example Post",),
        languages=("en",),
        article_ids=("ferries.md",),
        collections=("policy", "roads/2026"),
    )
    assert request.turns[0].answer == "That."


def test_a_bare_request_filters_nothing() -> None:
    request = AnswerRequest.model_validate({"question": "When?"})
    assert request.filters.record(request.as_of) == Filters()
    assert (request.top_k, request.stream, request.mode, request.turns) == (10, False, "extractive", ())


@pytest.mark.parametrize(
    "change",
    [
        {"question": ""},
        {"question": " \n\t\u3000"},
        {"question": "a\0b"},
        {"question": "\ud800"},
        {"question": None},
        {"question": 5},
        {"question": ["When?"]},
        {"questions": "When?"},
        {"top_k": 0},
        {"top_k": 51},
        {"top_k": 1.5},
        {"top_k": "10"},
        {"top_k": True},
        {"top_k": float("inf")},
        {"stream": "true"},
        {"stream": 1},
        {"mode": "magic"},
        {"as_of": "yesterday"},
        {"as_of": "20260131"},
        {"as_of": "2026-02-30"},
        {"as_of": "2026-W05-1"},
        {"as_of": 0},
        {"as_of": "2026-01-31T00:00:00"},
        {"history": [{"question": "What?"}] * 21},
        {"history": [{"question": ""}]},
        {"history": [{"question": "What?", "sources": []}]},
        {"history": "What?"},
        {"filters": {"from": "2026-01-02", "to": "2026-01-01"}},
        {"filters": {"from_": "2026-01-02"}},
        {"filters": {"sources": ["x"]}},
        {"filters": {"article_ids": [""]}},
        {"filters": {"article_ids": ["a"] * 1001}},
        {"filters": {"source": ["a"] * 1001}},
        {"filters": []},
    ],
)
def test_a_wrong_request_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnswerRequest.model_validate({**FULL, **change})


def test_offsets_are_numbers_that_can_be_offsets() -> None:
    good = {"article_id": "a.md", "cited_text": "x", "start_char_index": 0, "end_char_index": 1}
    VerifyRequest.model_validate(good)
    for change in ({"start_char_index": -1}, {"end_char_index": 2**31}, {"cited_text": ""}, {"article_sha256": "x"}):
        with pytest.raises(ValidationError):
            VerifyRequest.model_validate({**good, **change})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_whatever_json_holds_is_taken_or_refused(data: object) -> None:
    """Nothing but a ValidationError comes out, and what is taken has a question."""
    for value in (data, {"question": data}, {"question": "When?", "filters": data}, {"question": "?", "as_of": data}):
        try:
            request = SearchRequest.model_validate(value)
        except ValidationError:
            continue
        assert request.question.strip()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"b": {"a": 1, "a": 2}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": ' + b"1" * 5000 + b"}",
        b"{'a': 1}",
        b'{"a": 1,}',
    ],
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        parse_json(body)


@pytest.mark.parametrize(
    "question", ["How many ferries a day will Tolm run?", "What did the beekeepers harvest?", "Who?"]
)
def test_an_answer_loses_nothing_on_the_wire(library: Library, question: str) -> None:
    with library.lease() as answerer:
        answer = answerer.answer(question)
        body = AnswerBody.of(answer)
        articles = answerer.generation.articles
    assert body.answer == answer.text
    assert body.answerable == (body.outcome != "not_in_articles") == bool(body.citations)
    assert len(body.citations) == len(answer.citations)
    assert len(body.passages) == len(answer.hits)
    for citation in body.citations:
        article = articles[citation.article_id]
        span = citation.answer_span
        assert article.text[citation.start_char_index : citation.end_char_index] == citation.cited_text
        assert body.answer[span.start : span.end] == citation.cited_text
        assert citation.article_sha256 == article.sha256
        assert citation.verified
    for passage in body.passages:
        assert articles[passage.article_id].text[passage.start_char_index : passage.end_char_index] == passage.text
    dates = [citation.published for citation in body.citations if citation.published]
    assert (body.newest_source.published if body.newest_source else None) == max(dates, default=None)
    assert "".join(sentences(body)) == body.answer
    assert AnswerBody.model_validate_json(body.model_dump_json()) == body
