"""A citation is a receipt: it re-slices to its quote, or says what became of it."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.articles import Article, Block, Sentence
from qa.answer import compose
from qa.citations import check, cite, verify
from qa.reader import Evidence

TEXT = "The mill opened in 1901. It burned down in 1932. The mill was rebuilt at once."


def article(text: str = TEXT) -> Article:
    return Article(
        id="mill.txt", text=text, title="The mill", language="en", blocks=(Block("paragraph", 0, len(text)),)
    )


def evidence(start: int, end: int, text: str = TEXT) -> Evidence:
    return Evidence(article(text), Sentence(start, end), score=0.9)


def test_a_quote_that_stands_where_it_stood_is_exact() -> None:
    found = verify(article(), cited_text="It burned down in 1932.", start=25, end=48)
    assert (found.verdict, found.start, found.end) == ("exact", 25, 48)


def test_a_quote_that_moved_is_found_again() -> None:
    found = verify(article("A new lead. " + TEXT), cited_text="It burned down in 1932.", start=25, end=48)
    assert (found.verdict, found.start, found.end) == ("moved", 37, 60)


def test_among_equal_quotes_the_surroundings_decide() -> None:
    text = "One. Yes. Two. Yes. Three."
    found = verify(article(text), cited_text="Yes.", start=0, end=4, prefix="Two. ", suffix=" Three.")
    assert (found.verdict, found.start) == ("moved", 15)


def test_a_quote_whose_words_changed_is_changed_and_shows_what_stands_there_now() -> None:
    now = TEXT.replace("1932", "1933")
    found = verify(
        article(now), cited_text="It burned down in 1932.", start=25, end=48, prefix="in 1901. ", suffix=" The mill was"
    )
    assert found.verdict == "changed"
    assert now[found.start : found.end] == "It burned down in 1933."


def test_a_changed_quote_is_found_by_likeness_when_its_surroundings_are_gone() -> None:
    now = "Nothing else is left here. It all burned down in 1933."
    found = verify(article(now), cited_text="It burned down in 1932.", start=25, end=48, prefix="1901. ", suffix=" The")
    assert found.verdict == "changed"
    assert now[found.start : found.end] == "It all burned down in 1933."


def test_a_quote_that_was_never_there_is_missing() -> None:
    assert verify(article(), cited_text="Whales are mammals.", start=0, end=19).verdict == "missing"
    assert verify(None, cited_text="It burned down in 1932.", start=25, end=48).verdict == "missing"


def test_a_decomposed_quote_is_the_same_quote() -> None:
    text = "공장은 1901년에 열렸다. 그 뒤 불이 났다."
    decomposed = "공장은 1901년에 열렸다."
    assert verify(article(text), cited_text=decomposed, start=0, end=15).verdict == "exact"


def test_check_refuses_a_citation_of_another_version_of_the_article() -> None:
    text, [citation] = compose([evidence(25, 48)])
    assert check(citation, article(), text).verified
    assert not check(citation, article(TEXT + " More."), text).verified
    assert not check(citation, None, text).verified
    assert not check(citation, article(), "x" + text).verified


@given(st.text(min_size=1, max_size=200), st.data())
def test_every_citation_re_slices_to_its_quote(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    citation = cite(evidence(start, end, text), index=1, answer_start=0, answer_end=end - start)
    assert text[citation.start : citation.end] == citation.cited_text
    whole = text[citation.start - len(citation.prefix) : citation.end + len(citation.suffix)]
    assert whole == citation.prefix + citation.cited_text + citation.suffix


@given(st.lists(st.sampled_from([(0, 24), (25, 48), (49, 78)]), min_size=1, max_size=3, unique=True))
def test_an_answer_is_nothing_but_its_quotes_and_their_numbers(spans: list[tuple[int, int]]) -> None:
    text, citations = compose([evidence(*span) for span in spans])
    assert all(check(citation, article(), text).verified for citation in citations)
    assert text == " ".join(f"{citation.cited_text} [{citation.index}]" for citation in citations)
