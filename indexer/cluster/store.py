"""The shared store of the settings, asked as the folder of an index is asked (`indexer.generation.Store`)."""

from pathlib import Path

from indexer.cluster.contract import SharedStore
from indexer.cluster.generations import SharedGeneration, generation_of
from indexer.embedding import EmbedderInfo
from indexer.errors import IndexIncompatibleError, IndexMissingError, SettingsError
from indexer.generation import GenerationSummary

INSTALL = "Install what it needs: `pip install 'footnote[cluster]'`."


def shared_store(uri: str) -> SharedStore:
    """Return the store at a folder or an address of object storage; raises SettingsError when Lance is missing."""
    try:
        from indexer.cluster.lance_store import LanceStore
    except ImportError as error:
        raise SettingsError("The setting 'store' needs Lance, which is not installed.", advice=INSTALL) from error
    return LanceStore(uri)


class ClusterStore:
    """Opens generations of a shared store, lists them, goes back to the parent."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.root = Path(uri)
        self.shared = shared_store(uri)

    def open(self, *, expect: EmbedderInfo | None = None) -> SharedGeneration:
        """Open the current generation.

        Raises IndexMissingError; given `expect`, IndexIncompatibleError when it was made by another embedder.
        """
        name = self.shared.current()
        if name is None:
            raise IndexMissingError(f"There is no index in {self.uri}.", advice="Run `footnote index` to build it.")
        generation = generation_of(self.shared.read(name), self.root)
        made_by = generation.manifest.embedder
        if expect and (expect.sha256, expect.dim) != (made_by.sha256, made_by.dim):
            raise IndexIncompatibleError(
                f"{name} was made by the embedder {made_by.id}; in use is {expect.id}.",
                advice="Run `footnote index` to build the index with it, or set `embedder` back.",
            )
        return generation

    def current_id(self) -> str | None:
        """Return the name of the current generation; None when there is none."""
        return self.shared.current()

    def stamp(self) -> tuple[int, int, int] | None:
        """Return what is another one after any commit; None when there was none yet."""
        version = self.shared.version()
        return (version, 0, 0) if version else None

    def generations(self) -> list[GenerationSummary]:
        """List the generations that are kept, oldest first."""
        current = self.shared.current()
        return [
            GenerationSummary(one.generation, one.generation == current, one.created, one.counts, None)
            for one in self.shared.kept()
        ]

    def rollback(self) -> str:
        """Make the parent of the current generation the current one, and return its name."""
        return self.shared.go_back()

    def holder(self) -> str | None:
        """Name who is changing the store: nobody can know, since builds only meet when they commit."""
        return None

    def refuse_if_busy(self) -> None:
        """Do nothing: of two builds at once, the second to commit is refused then."""
