"""The drill: a copy made while the index is rebuilt, brought back elsewhere, answers as the original did."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.build import build
from indexer.embedding import Embedder
from indexer.generation import Store
from indexer.opening import read_generation
from indexer.settings import Settings
from indexer.transfer import export_generation, import_copy, verify_copy
from qa.answer import Answerer
from tests.conftest import Tally
from tests.qa.conftest import CORPUS, write_corpus

QUESTIONS = (
    "How many ferries will run a day?",
    "What did the second pier cost?",
    "Who is the mayor of Tolm?",
    "Who built the pier?",
    "How long did Norrvik Marine need?",
    "How many boats crossed the bay until now?",
    "When does the bridge at Ostra close?",
    "For how long is the bridge closed?",
    "What did the engineers find?",
    "How many arches are cracked?",
    "How many kilometres does the northern road add?",
    "How much honey was harvested?",
    "Where was the honey harvested?",
    "Since when is it the largest harvest?",
    "새 도서관은 언제 여나요?",
    "도서관에는 책이 몇 권 있나요?",
    "한빛시는 무엇을 밝혔나요?",
    "Who wrote the national anthem?",
    "How many trams run in Tolm?",
    "What does the council say about wind power?",
)


def said(answerer: Answerer) -> list[object]:
    """What is answered to each question: the outcome, the text, and every quotation with its place."""
    answers = (answerer.answer(question) for question in QUESTIONS)
    return [(answer.outcome, answer.text, answer.citations) for answer in answers]


@contextmanager
def rebuilding(settings: Settings, embedder: Embedder) -> Iterator[list[str]]:
    """Change an article and rebuild, again and again; yields the generations made."""
    made: list[str] = []
    until = threading.Event()

    def work() -> None:
        while not until.is_set():
            changed = CORPUS["ferries.md"].replace("twelve", f"{len(made) + 20}")
            write_corpus(settings.corpus, {"ferries.md": changed})
            made.append(build(settings, embedder).generation)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield made
    finally:
        until.set()
        thread.join(60)


def test_a_copy_made_while_it_is_rebuilt_answers_the_same_elsewhere(
    tmp_path: Path, embedder: Embedder, tally: Tally
) -> None:
    here = Settings(corpus=tmp_path / "corpus", index=tmp_path / "index", keep_generations=100)
    there = here.model_copy(update={"index": tmp_path / "elsewhere"})
    write_corpus(here.corpus, CORPUS)
    build(here, embedder)
    with rebuilding(here, embedder) as made:
        while len(made) < 2:
            threading.Event().wait(0.05)
        report = export_generation(Store(here.index), tmp_path / "copy.zip")
        while made[-1] == report.copy_of:
            threading.Event().wait(0.05)
    verify_copy(tmp_path / "copy.zip", expect=embedder.info)
    import_copy(Store(there.index), tmp_path / "copy.zip", keep=2, expect=embedder.info)
    original = read_generation(here.index / report.copy_of, report.copy_of)
    meant = said(Answerer(original, embedder, here))
    restored = said(Answerer(Store(there.index).open(), embedder, there))
    equal = sum(one == other for one, other in zip(meant, restored, strict=True))
    tally("restored elsewhere", rebuilds=len(made), questions=len(meant), equal_answers=equal)
    assert restored == meant
    now = said(Answerer(Store(here.index).open(), embedder, here))
    assert now != meant, "had another generation been copied, this would have told"
