"""How an answer is put together from evidence, by hand-made evidence."""

from indexer.articles import Article, Block, Sentence
from qa.answer import choose
from qa.reader import Evidence


def evidence(article_id: str, text: str, score: float) -> Evidence:
    article = Article(
        id=article_id, text=text, title="A title", language="en", blocks=(Block("paragraph", 0, len(text)),)
    )
    return Evidence(article, Sentence(0, len(text)), score)


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
