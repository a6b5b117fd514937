"""Receipts: what a browser kept is shown as it was, and is a stranger's data until it is looked up again."""

import dataclasses
import json
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles import Article, Block
from indexer.generation import Generation
from qa.answer import Answer
from qa.retrieval import Filters
from tests.ui.conftest import Place
from tests.ui.records import TODAY, make_answer, make_variants
from tests.ui.test_rendering import PAYLOADS, Structure, hostile
from ui.page.answers import answer_steps
from ui.page.markup import Exchange, articles_of, escape
from ui.page.receipts import exchange_of, receipt_of
from ui.page.sources import sources_html
from ui.texts import ENGLISH, KOREAN

KINDS = tuple(make_variants("x"))
WORDS = "Forty boats cross the bay each day."


def holding(*articles: Article) -> Generation:
    """A generation as far as receipts look at one: its name and its articles."""
    return cast(Generation, SimpleNamespace(id="gen-000009", articles={article.id: article for article in articles}))


def of_answer(answer: Answer) -> Generation:
    return holding(*articles_of(answer).values())


def through_the_browser(exchange: Exchange) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(json.dumps(receipt_of(exchange)))
    return kept


def pages(exchange: Exchange) -> list[str]:
    """All that is rendered of an exchange, in both languages."""
    made = []
    for words in (ENGLISH, KOREAN):
        made += [*answer_steps(exchange, words), sources_html([exchange], words, today=TODAY)]
    return made


def reopened(answer: Answer, *articles: Article, filters: Filters | None = None) -> Exchange:
    """The answer from its receipt, in front of other articles."""
    found = exchange_of(through_the_browser(Exchange(1, answer, filters or Filters())), holding(*articles))
    assert found is not None
    return found


@given(hostile, st.sampled_from(KINDS), st.integers(1, 9))
@settings(max_examples=60)
def test_with_the_same_articles_an_answer_looks_as_it_did(words: str, kind: str, turn: int) -> None:
    answer = make_variants(words)[kind]
    # As real ones do, citations say what their articles say.
    answer = dataclasses.replace(answer, citations=[dataclasses.replace(one, author=None) for one in answer.citations])
    filters = Filters(date(2026, 1, 1), None, (words,), ("ko", words), collections=(words,))
    exchange = Exchange(turn, answer, filters)
    found = exchange_of(through_the_browser(exchange), of_answer(answer), turn=turn)
    assert found is not None
    assert pages(found) == pages(exchange)
    again = exchange_of(through_the_browser(found), of_answer(answer), turn=turn)
    assert again == found


@pytest.mark.parametrize("question", ["How much does a single ferry ticket cost?", "Who won the world cup in 2018?"])
def test_a_real_answer_looks_as_it_did(place: Place, question: str) -> None:
    with place.library.lease() as answerer:
        exchange = Exchange(3, answerer.answer(question))
        found = exchange_of(through_the_browser(exchange), answerer.generation, turn=3)
    assert found is not None
    assert pages(found) == pages(exchange)
    assert len(json.dumps(receipt_of(exchange))) < 6_000


def test_a_receipt_from_before_there_were_collections_is_readable() -> None:
    answer = make_answer(WORDS)
    receipt = through_the_browser(Exchange(1, answer, Filters(sources=("a",), collections=("policy",))))
    found = exchange_of(receipt, of_answer(answer))
    assert found is not None
    assert found.filters.collections == ("policy",)
    del receipt["filters"]["collections"]
    found = exchange_of(receipt, of_answer(answer))
    assert found is not None
    assert found.filters == Filters(sources=("a",))


def test_a_receipt_holds_no_article() -> None:
    answer = make_answer(WORDS)
    long = dataclasses.replace(answer.hits[1], article=dataclasses.replace(answer.hits[1].article, text="secret " * 99))
    kept = json.dumps(receipt_of(Exchange(1, dataclasses.replace(answer, hits=[answer.hits[0], long]))))
    assert "secret" not in kept


def test_a_quotation_that_moved_is_shown_where_it_is_now() -> None:
    answer = make_answer(WORDS)
    before = articles_of(answer)[WORDS]
    text = f"A new first line.\n\n{WORDS} And a last one."
    now = dataclasses.replace(before, text=text, title="New title", blocks=(Block("paragraph", 0, len(text)),))
    found = reopened(answer, now)
    (citation,) = found.answer.citations
    assert citation.verified
    assert (citation.start, citation.end) == (19, 19 + len(WORDS))
    assert (citation.article_sha256, citation.title) == (now.sha256, "New title")
    assert found.answer.short_answer == WORDS
    page = sources_html([found], ENGLISH, today=TODAY)
    assert f'<mark id="t1-c1-mark" tabindex="-1">{escape(WORDS)}</mark> And' in page
    assert ENGLISH.support in page
    assert ENGLISH.not_verified not in page


@pytest.mark.parametrize("left", ["changed", "gone", "elsewhere only in the receipt"])
def test_a_quotation_that_is_gone_is_shown_unverified_with_its_title(left: str) -> None:
    answer = dataclasses.replace(make_answer(WORDS), written=make_variants(WORDS)["written"].written)
    before = articles_of(answer)[WORDS]
    changed = dataclasses.replace(before, text="Fifty boats cross the bay each day, says the mayor.", title="New title")
    found = reopened(answer, *([] if left == "gone" else [changed]))
    (citation,) = found.answer.citations
    assert not citation.verified
    assert (citation.cited_text, citation.title, citation.source) == (WORDS, WORDS, WORDS)
    # What stood on the quotation falls with it.
    assert found.answer.short_answer is None
    assert found.answer.written is None
    assert list(found.answer.hits) == []
    page = sources_html([found], ENGLISH, today=TODAY)
    assert ENGLISH.not_verified in page
    assert "<mark" not in page
    assert WORDS in Structure("".join(answer_steps(found, ENGLISH))).text


def test_a_forged_quotation_is_not_verified() -> None:
    answer = make_answer(WORDS)
    kept = through_the_browser(Exchange(1, answer))
    kept["citations"][0]["cited_text"] = "The mayor is a thief."
    kept["text"] = "The mayor is a thief. [1]"
    kept["short_answer"] = "thief"
    found = exchange_of(kept, of_answer(answer))
    assert found is not None
    assert not found.answer.citations[0].verified
    assert found.answer.short_answer is None


def test_a_disagreement_needs_two_sides() -> None:
    answer = make_variants(WORDS)["conflict"]
    (conflict,) = answer.conflicts
    found = reopened(answer, conflict.sides[0].evidence.article)
    assert list(found.answer.conflicts) == []
    # A single figure would look like the winner.
    assert found.answer.short_answer is None


def test_what_came_closest_is_not_replaced_by_the_next() -> None:
    answer = make_answer(WORDS, outcome="not_in_articles")
    other = make_answer("Another sentence.", outcome="not_in_articles").evidence[0]
    two = dataclasses.replace(answer, evidence=[*answer.evidence, other])
    assert list(reopened(two, other.article).answer.evidence) == []
    assert len(reopened(two, other.article, answer.evidence[0].article).answer.evidence) == 2


def paths(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a receipt."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in items for found in paths(inner, (*path, key)))]


def put(receipt: dict[str, Any], path: tuple[Any, ...], value: object) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(json.dumps(receipt))
    inner: Any = kept
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return kept


numbers = st.sampled_from([-1, 0, 1, -(10**9), 2**63, 10**400, 1e308, float("nan"), float("inf"), 0.5])
wrong = st.one_of(
    numbers, st.sampled_from(PAYLOADS), st.just("\ud800"), st.just("x" * 30_000), st.none(), st.booleans(),
    st.lists(numbers, max_size=3), st.dictionaries(st.sampled_from(["start", "end", "x"]), numbers), st.just([[]] * 99),
)  # fmt: skip


@given(st.sampled_from(KINDS), st.data())
@settings(max_examples=300)
def test_no_receipt_does_harm(kind: str, data: st.DataObject) -> None:
    answer = make_variants(WORDS)[kind]
    receipt = through_the_browser(Exchange(1, answer, Filters(sources=("a",), languages=("en",))))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(receipt)[1:]))
        receipt = put(receipt, path, data.draw(wrong))
    found = exchange_of(receipt, of_answer(answer))
    if found is None:
        return
    allowed = {tag for one in make_variants("x").values() for page in pages(Exchange(1, one)) for tag in tags(page)}
    for page in pages(found):
        assert tags(page) <= allowed
        assert all(address.startswith(("#t1-", "../articles/")) for address in Structure(page).addresses)
    # What is said to be in an article is there.
    for citation in found.answer.citations:
        article = articles_of(answer).get(citation.article_id)
        assert not citation.verified or (article and article.quote(citation.start, citation.end) == citation.cited_text)
    json.dumps(receipt_of(found))


def tags(page: str) -> set[str]:
    return {tag for tag, _ in Structure(page).tags}


@pytest.mark.parametrize("words", PAYLOADS)
def test_hostile_text_in_a_receipt_stays_text(words: str) -> None:
    """The articles are others than those the receipt speaks of."""
    for kind, answer in make_variants(words).items():
        exchange = exchange_of(through_the_browser(Exchange(1, answer)), holding(make_answer("x").hits[0].article))
        plain = exchange_of(through_the_browser(Exchange(1, make_variants("y")[kind])), holding())
        assert exchange is not None
        assert plain is not None
        for page, expected in zip(pages(exchange), pages(plain), strict=True):
            assert Structure(page).tags == Structure(expected).tags


@pytest.mark.parametrize("receipt", [{}, {"version": 2}, {"question": "x"}, [], "x", 7, None, [["a", "b"]]])
def test_what_is_no_receipt_is_none(receipt: object) -> None:
    assert exchange_of(cast(dict[str, Any], receipt), holding()) is None


def test_half_a_character_does_not_stop_a_receipt() -> None:
    answer = dataclasses.replace(make_answer(WORDS), question="a\ud800b")
    json.dumps(receipt_of(Exchange(1, answer)))
