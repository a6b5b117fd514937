"""A question set's articles, indexed by the real pipeline for as long as they are needed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.build import build
from indexer.embedding import Embedder
from indexer.generation import Generation, Store
from indexer.settings import Settings
from training.questions import QuestionSet


@contextmanager
def indexed(questions: QuestionSet, embedder: Embedder) -> Iterator[tuple[Generation, Settings]]:
    """Write the articles into a folder of their own, build, open; all is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(corpus=Path(folder) / "corpus", index=Path(folder) / "index")
        settings.corpus.mkdir()
        for name, content in questions.files.items():
            (settings.corpus / name).write_bytes(content)
        build(settings, embedder)
        generation = Store(settings.index).open()
        try:
            yield generation, settings
        finally:
            generation.close()
