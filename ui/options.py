"""What several commands share: their options, and how the index and the model are opened.

Whatever is slow to load is imported inside the function that needs it, so that `--help` is not slow.
"""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.errors import UsageError
from indexer.settings import Settings
from ui import terminal

if TYPE_CHECKING:
    from indexer.embedding import Embedder
    from indexer.generation import Generation
    from qa.answer import Answerer
    from qa.retrieval import Filters

CorpusOption = Annotated[
    Path | None, typer.Option("--corpus", metavar="DIR", help="The folder of articles; else the setting, else corpus/.")
]
IndexOption = Annotated[
    Path | None, typer.Option("--index", metavar="DIR", help="The folder of the index; else the setting, else index/.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", callback=terminal.remember_json, help="Print JSON, and nothing else, on stdout.")
]
DAY = {"formats": ["%Y-%m-%d"], "metavar": "DATE"}


def filters_of(
    start: datetime | None,
    end: datetime | None,
    as_of: date | None,
    sources: Sequence[str] = (),
    languages: Sequence[str] = (),
    collections: Sequence[str] = (),
) -> "Filters":
    """Return the filters; nothing published after `as_of` may be used. Raises UsageError for crossed bounds."""
    from qa.retrieval import Filters

    if start and end and start > end:
        raise UsageError("--from is after --to.", advice="Swap them.")
    last = min((day for day in (end and end.date(), as_of) if day), default=None)
    return Filters(start and start.date(), last, tuple(sources), tuple(languages), collections=tuple(collections))


def load_embedder(settings: Settings) -> "Embedder":
    """Load the model of the settings."""
    from indexer.embedding import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(settings.embedder, languages=settings.embedder_languages)


def open_answerer(settings: Settings) -> "Answerer":
    """Open the index with the model it was made with."""
    from qa.answer import Answerer

    # Opened before the model is loaded: what is missing or damaged is then known at once.
    generation = open_generation(settings)
    embedder = load_embedder(settings)
    if embedder.info.sha256 != generation.manifest.embedder.sha256:
        generation = open_generation(settings, embedder)
    return Answerer(generation, embedder, settings)


def open_generation(settings: Settings, embedder: "Embedder | None" = None) -> "Generation":
    """Open the current generation; say so when it is an older one."""
    from indexer.stores import store_of

    generation = store_of(settings).open(expect=embedder.info if embedder else None)
    if generation.degraded:
        terminal.say(f"{generation.degraded}. Run `footnote index`.", label="note: ", style="yellow")
    return generation
