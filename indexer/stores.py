"""Where the settings keep the index: in a folder of this machine, or in a store that many machines share."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from indexer.build import BuildProgress, BuildReport
from indexer.build import build as build_folder
from indexer.embedding import Embedder
from indexer.errors import UsageError
from indexer.generation import Store
from indexer.settings import Settings

if TYPE_CHECKING:
    from indexer.cluster.store import ClusterStore


def store_of(settings: Settings) -> "Store | ClusterStore":
    """Return what opens, lists and goes back between the generations of the settings."""
    if settings.store is None:
        return Store(settings.index)
    # Only where it is chosen: what it needs is an optional extra.
    from indexer.cluster.store import ClusterStore

    return ClusterStore(settings.store)


def folder_of(settings: Settings) -> Store:
    """Return the folder of the index, for what is done with files; raises UsageError where a store is shared."""
    if settings.store is not None:
        raise UsageError(
            f"The index is kept in the store {settings.store}, not in a folder of Footnote's.",
            advice="Copy the folder or the bucket itself, with the tools of whoever keeps it.",
        )
    return Store(settings.index)


def build(
    settings: Settings,
    embedder: Embedder,
    *,
    allow_shrink: bool = False,
    progress: Callable[[BuildProgress], None] | None = None,
) -> BuildReport:
    """Bring the index up to date with the corpus, wherever it is kept; raises as `indexer.build.build` does."""
    if settings.store is None:
        return build_folder(settings, embedder, allow_shrink=allow_shrink, progress=progress)
    from indexer.cluster.build import build_shared

    return build_shared(settings, embedder, allow_shrink=allow_shrink, progress=progress)
