"""Which sentences an answer is made of, and that none is cut so that it means something else."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.articles import Article, Block, Sentence
from indexer.language import split_sentences
from qa.composition import LONGEST_STATEMENT, choose, compose, whole_statement, whole_statements
from qa.reader import Evidence


def article_of(text: str, article_id: str = "a.txt") -> Article:
    return Article(id=article_id, text=text, title="A title", language="en", blocks=(Block("paragraph", 0, len(text)),))


def evidence(article_id: str, text: str, score: float) -> Evidence:
    return Evidence(article_of(text, article_id), Sentence(0, len(text)), score)


BEST = evidence("a.txt", "There will be 500 mills by 2030.", 0.8)
CLOSE = evidence("a.txt", "Of these, 26 stood in 2024.", 0.7)
FAR = evidence("a.txt", "The mills will use 900 looms.", 0.3)
ELSEWHERE = evidence("b.txt", "The goal is 1,000 mills by 2030.", 0.2)
TALK = evidence("c.txt", "Mills are much talked about.", 0.3)


def texts(question: str, *items: Evidence) -> list[str]:
    return [item.text for item in choose(question, items)]


def test_a_sentence_nearly_as_good_is_added_and_one_far_behind_is_not() -> None:
    assert texts("Which mills will there be?", BEST, CLOSE, FAR) == [BEST.text, CLOSE.text]


def test_a_figure_from_another_article_is_shown_though_it_is_further_behind() -> None:
    assert texts("How many mills will there be?", BEST, TALK, ELSEWHERE) == [BEST.text, ELSEWHERE.text]
    assert texts("What are mills?", BEST, TALK, ELSEWHERE) == [BEST.text]


def test_no_sentence_is_quoted_twice_and_no_more_than_three() -> None:
    copy = evidence("b.txt", BEST.text, 0.8)
    more = [evidence(f"{number}.txt", f"There will be {number} mills.", 0.7) for number in range(4)]
    chosen = texts("How many mills will there be?", BEST, copy, *more)
    assert chosen == [BEST.text, more[0].text, more[1].text]


def quoted(text: str, sentence: str) -> str:
    article = article_of(text)
    start = text.index(sentence)
    whole = whole_statement(article, Sentence(start, start + len(sentence)))
    return article.quote(whole.start, whole.end)


def test_what_somebody_said_keeps_who_said_it() -> None:
    said = "“Mills are dead. We will never build another one,” said the owner, Ada Byron."
    assert quoted(f"It rained. {said} Nobody laughed.", "“Mills are dead.") == said
    straight = '"It is new. It works," the minister said.'
    assert quoted(f"{straight} Others doubt it.", '"It is new.') == straight


def test_a_sentence_outside_quotations_stays_as_it_is() -> None:
    text = "It rained. “No,” she said. The mill burned."
    assert quoted(text, "The mill burned.") == "The mill burned."
    assert quoted(text, "It rained.") == "It rained."


def test_a_quotation_without_end_or_too_long_changes_nothing() -> None:
    assert quoted("“Mills are dead. They were loud.", "They were loud.") == "They were loud."
    endless = "“" + "Mills are dead. " * 60 + "Yes,” she said."
    assert quoted(endless, "“Mills are dead.") == "“Mills are dead."


def test_two_sentences_of_one_quotation_are_quoted_once() -> None:
    text = "“Mills are dead. We build none,” she said."
    article = article_of(text)
    pieces = [Evidence(article, Sentence(0, 16), 0.9), Evidence(article, Sentence(17, len(text)), 0.8)]
    assert [item.text for item in whole_statements(pieces)] == [text]


@given(st.lists(st.sampled_from(["He left.", "“Yes.", "No,” he said.", 'A "b" c.', "“", "\n", '"']), min_size=1))
def test_a_statement_holds_its_sentence_and_starts_and_ends_with_one(parts: list[str]) -> None:
    text = " ".join(parts)
    spans = split_sentences(text, "en")
    article = article_of(text)
    for start, end in spans:
        whole = whole_statement(article, Sentence(start, end))
        assert whole.start <= start < end <= whole.end
        assert whole == Sentence(start, end) or whole.end - whole.start <= LONGEST_STATEMENT
        assert whole.start in {span[0] for span in spans}
        assert whole.end in {span[1] for span in spans}


def test_the_answer_is_its_quotations_each_with_its_number() -> None:
    text, citations = compose([BEST, ELSEWHERE])
    assert text == f"{BEST.text} [1] {ELSEWHERE.text} [2]"
    for citation in citations:
        assert text[citation.answer_start : citation.answer_end] == citation.cited_text
