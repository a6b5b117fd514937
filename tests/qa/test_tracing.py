"""Tracing by itself: filters one by one, and what each feature does to a utility."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles import Article, Block
from qa.dates import Period
from qa.features import NAMES
from qa.retrieval import Filters
from qa.tracing import effects_of, filter_checks, period_check

DAYS = st.none() | st.integers(0, 20).map(lambda number: date(2026, 1, 1) + timedelta(number))
NUMBERS = st.lists(st.floats(-5, 5), min_size=len(NAMES), max_size=len(NAMES)).map(np.array)


def article(published: date | None = None, source: str | None = None, name: str = "a.md") -> Article:
    text = "Tolm has a ferry."
    blocks = (Block("paragraph", 0, len(text)),)
    return Article(name, text, "Tolm", "en", blocks, source=source, published=published)


@given(
    st.builds(
        Filters,
        published_from=DAYS,
        published_to=DAYS,
        sources=st.sampled_from([(), ("Post",), ("Post", "Gazette")]),
        languages=st.sampled_from([(), ("en",), ("ko",)]),
        article_ids=st.sampled_from([(), ("a.md",), ("b.md",)]),
        collections=st.sampled_from([(), ("policy",), ("policy", "roads")]),
    ),
    DAYS,
    st.sampled_from([None, "Post", "Herald"]),
    st.sampled_from(["a.md", "policy/2025/a.md"]),
)
def test_an_article_passes_when_it_passes_each_filter(
    filters: Filters, day: date | None, source: str | None, name: str
) -> None:
    one = article(day, source, name)
    checks = filter_checks(filters, one)
    assert all(check.passes for check in checks) == filters.accept(one)
    assert bool(checks) == (filters != Filters())


def test_the_days_a_question_asks_for_are_a_filter_of_their_own() -> None:
    period = Period(date(2026, 1, 1), date(2026, 1, 31), "January 2026", "published")
    filters = Filters(sources=("Post",))
    kept = filters.within(period)
    assert period_check(filters, filters, article()) == ()
    for day, passes in ((date(2026, 1, 7), True), (date(2026, 2, 7), False), (None, False)):
        (check,) = period_check(kept, filters, article(day))
        assert (check.name, check.passes) == ("period", passes)
        assert check.wanted == "2026-01-01 to 2026-01-31"


@given(NUMBERS, NUMBERS, NUMBERS)
def test_effects_add_up_to_the_difference(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    others: np.ndarray[tuple[int], np.dtype[np.float64]],
    weights: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    effects = effects_of(values, others, weights)
    # What makes next to no difference is left out: at most .0005 for each feature.
    assert sum(effect.effect for effect in effects) == pytest.approx((values - others) @ weights, abs=5e-4 * len(NAMES))
    assert [effect.effect for effect in effects] == sorted((effect.effect for effect in effects), reverse=True)
    assert not any(effect.feature.endswith("_behind") for effect in effects)
