"""What the comparison of speed makes of its times, and the articles it makes up; no peer is needed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.peers.speed.figures import agreement, at, cell, growth, latency, ratio, table, too_much
from benchmarks.peers.speed.summary import summary
from benchmarks.peers.speed.texts import PARTS, Precomputed, Writer, made_up, row_of
from indexer.chunking import chunk, embedded_text
from indexer.formats import read_article
from indexer.language import detect_language


def test_percentiles_are_milliseconds_and_of_nothing_there_are_none() -> None:
    assert latency([0.001 * number for number in range(1, 102)]) == {"p50_ms": 51.0, "p95_ms": 96.0, "asked": 101}
    with pytest.raises(ValueError, match="nothing"):
        latency([])


@settings(max_examples=20)
@given(st.floats(0, 2), st.floats(0.001, 100))
def test_the_exponent_of_a_power_law_is_found(exponent: float, factor: float) -> None:
    values = {size: factor * size**exponent for size in (1000, 10_000, 100_000)}
    assert growth(values) == pytest.approx(exponent, abs=0.01)


def test_one_size_has_no_growth_and_nothing_no_ratio() -> None:
    assert growth({1000: 3.0}) is None
    assert growth({1000: 3.0, 10_000: 0.0}) is None
    assert ratio(3.0, 2.0) == 1.5
    assert ratio(None, 2.0) is None
    assert ratio(3.0, 0.0) is None


def test_a_path_leads_to_a_number_or_nowhere() -> None:
    result = {"search": {"1": {"p50_ms": 3}}, "add": {"how": "appended"}}
    assert at(result, "search.1.p50_ms") == 3.0
    assert at(result, "search.8.p50_ms") is None
    assert at(result, "add.how") is None
    assert at(result, "add.how.much") is None


def test_what_took_too_much_is_not_tried_at_a_larger_size() -> None:
    small = {"index": {"s": 5.0}, "start_mb": 200.0, "peak_mb": 900.0}
    assert too_much(small, 10, most_s=60, most_mb=8192) is None
    assert too_much(small, 10, most_s=40, most_mb=8192) == "not tried: would take about 50 s to index"
    assert too_much(small, 10, most_s=60, most_mb=4096) == "not tried: would take about 7 GiB"
    assert too_much({"stopped": "stopped after 9 s"}, 10, most_s=60, most_mb=8192) == (
        "not tried: stopped after 9 s with fewer"
    )


def test_numbers_are_written_with_three_digits_that_count() -> None:
    assert [cell(value) for value in (0.01234, 1.234, 12.34, 1234.5, 0, None)] == [
        "0.0123",
        "1.23",
        "12.3",
        "1,234" if round(1234.5) == 1234 else "1,235",
        "0",
        "–",
    ]
    assert table({"one": {"a": {"b": 2.0}}}, {"a.b": "two", "c": "none"}).splitlines() == [
        "| | two | none |",
        "|---|---|---|",
        "| one | 2.00 | – |",
    ]


def test_a_summary_is_made_of_ratios_inside_the_run() -> None:
    def timed(seconds: float) -> dict[str, object]:
        return {"index": {"s": seconds}, "add": {"s": seconds / 10}, "lexical": {"p50_ms": seconds}}

    found = summary(
        {
            "model": {"Other": {"index": {"per_cpu_s": 50.0}}},
            "growth": {
                "Footnote": {"1000": timed(2.0), "10000": timed(2.0)},
                "Other": {"1000": timed(4.0), "10000": timed(40.0), "100000": {"stopped": "not tried"}},
            },
        }
    )
    assert found["exponents"]["Footnote"]["index.s"] == 0.0
    assert found["exponents"]["Other"]["index.s"] == 1.0
    assert found["times_footnote"]["lexical.p50_ms"] == {"Other": {"1000": 2.0, "10000": 20.0}}
    # 1,000 passages at 50 a second and 4 s beside it, against 0.2 s.
    assert found["rebuild_per_added_article"]["Other"]["1000"] == {"with_model": 120.0, "vectors_given": 20.0}


def test_agreement_counts_what_of_the_exact_was_found() -> None:
    found = {"Who?": [1, 2, 3, 4, 5], "Where?": [9, 8], "Not checked?": [7]}
    assert agreement(found, {"Who?": [5, 3, 2, 4], "Where?": [8, 9], "Not asked?": [1]}) == 0.875
    assert agreement({}, {"Who?": [1]}) is None


@pytest.mark.parametrize("vocabulary", [True, False])
def test_footnote_cuts_generated_articles_into_the_passages_that_the_peers_get(vocabulary: bool) -> None:
    writer = Writer(vocabulary=vocabulary)
    for number, article in enumerate(writer.articles(10 * PARTS)):
        read = read_article("a.md", article.markdown().encode())
        assert [embedded_text(read, passage) for passage in chunk(read)] == article.passages()
        assert detect_language(read.text) == "en"
        assert [row_of(passage) for passage in article.passages()] == list(range(PARTS * number, PARTS * (number + 1)))
    assert writer.article(3) == Writer(vocabulary=vocabulary).article(3)


def test_questions_are_unlike_and_their_vectors_their_own() -> None:
    writer = Writer(vocabulary=True)
    questions = writer.questions(50, passages=100)
    assert len(set(questions)) == 50
    vectors = np.eye(2 * PARTS, dtype=np.float16)
    embed = Precomputed(vectors, {questions[0]: np.ones(2 * PARTS, dtype=np.float32)})
    assert (embed(writer.article(1).passages()) == vectors[PARTS:]).all()
    assert (embed([questions[0]]) == 1).all()
    with pytest.raises(KeyError):
        embed(["What else?"])


def test_made_up_words_are_many_and_unlike() -> None:
    words = made_up(150_000)
    assert len(set(words)) == 150_000
