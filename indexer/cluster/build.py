"""Articles in a folder become the current generation of a shared store, on this machine or on those of a Ray cluster.

As `indexer.build` does it for the folder of an index, with two differences: the passages of articles that did not
change stay where they are, and those of an article that did are all embedded again.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

from indexer.build import BuildProgress, BuildReport, Changes, Clock, reasons, refuse_to_shrink, scan_corpus
from indexer.chunking import CHUNKER
from indexer.cluster.contract import Change, Parcel, SharedStore
from indexer.cluster.generations import SharedGeneration
from indexer.cluster.parcels import Recipe, loads, make_parcel
from indexer.cluster.store import INSTALL, ClusterStore, shared_store
from indexer.corpus import Scan, ScannedFile
from indexer.duplicates import METHOD, fold
from indexer.embedding import Embedder, SentenceTransformerEmbedder
from indexer.errors import IndexMissingError, NothingToIndexError, SettingsError
from indexer.formats import FORMATS
from indexer.generation import Generation
from indexer.language import Analyser
from indexer.manifest import ChunkerInfo, Manifest, Shape
from indexer.records import Duplicates
from indexer.sandbox import Parser
from indexer.settings import Settings

COMMIT_STEPS = 3


def build_shared(
    settings: Settings,
    embedder: Embedder,
    *,
    allow_shrink: bool = False,
    progress: Callable[[BuildProgress], None] | None = None,
    load_embedder: Callable[[], Embedder] | None = None,
) -> BuildReport:
    """Bring the store up to date with the corpus; on any failure it stays as it is.

    On a cluster, each machine calls `load_embedder`, which must give the model of `embedder`. Raises IndexBusyError
    when another build committed first, NothingToIndexError, ShrinkRefusedError, StorageError and EmbedderError.
    """
    store = shared_store(str(settings.store))
    clock = Clock(progress)
    base = _base(settings)
    shape = Shape(
        embedder.info, ChunkerInfo(CHUNKER, settings.passage_words), Analyser(settings.korean_analyser).name, FORMATS
    )
    # Of another shape, all articles are read again: their texts are needed, not only their stamps.
    known = base if base and base.manifest.shape.serves(shape) else None
    with _machines(settings, load_embedder) as machines:
        scanned = scan_corpus(settings, known, clock, exclude=[Path(str(settings.store))], parser=machines.parser)
        changes = _changes(base, scanned)
        if base and not allow_shrink:
            refuse_to_shrink(base, scanned, changes, settings.shrink_limit)
        if known and _is_up_to_date(known, scanned, changes):
            return _report(known.manifest, None, scanned, changes, clock)
        fresh = {*changes.new, *changes.changed} if known else {file.article.id for file in scanned.files}
        added = [file for file in scanned.files if file.article.id in fresh]
        made = _embed(added, machines, embedder, Recipe(settings.passage_words, settings.korean_analyser), store, clock)
    change = Change(
        removed=[*changes.changed, *changes.gone],
        added=added,
        parcels=[parcel for parcel in made if parcel.passages],
        shape=shape,
        problems=scanned.problems,
        fingerprint=_fingerprint(scanned),
        duplicates=Duplicates(METHOD, _folded(known, scanned, fresh)),
        anew=known is None,
    )
    manifest = _commit(store, base, change, settings.keep_generations, clock)
    return _report(manifest, change, scanned, changes, clock)


def _commit(store: SharedStore, base: Generation | None, change: Change, keep: int, clock: Clock) -> Manifest:
    if change.anew and not change.parcels:
        raise NothingToIndexError(
            "No article holds a sentence that could be quoted.",
            advice="Put articles with sentences in the corpus; an existing index stays in use.",
        )
    steps = count(1)
    with clock.stage("commit", COMMIT_STEPS) as meter:
        return store.commit(base.id if base else None, change, keep=keep, progress=lambda: meter(next(steps)))


@dataclass(frozen=True, slots=True)
class _Machines:
    """Who does the work: this process, or a cluster."""

    parser: Parser | None
    load_embedder: Callable[[], Embedder] | None


@contextmanager
def _machines(settings: Settings, load_embedder: Callable[[], Embedder] | None) -> Iterator[_Machines]:
    if settings.ray_address is None:
        yield _Machines(None, None)
        return
    try:
        from indexer.cluster.workers import RayParser, connected
    except ImportError as error:
        raise SettingsError("The setting 'ray_address' needs Ray, which is not installed.", advice=INSTALL) from error
    with connected(settings.ray_address):
        yield _Machines(
            RayParser(),
            load_embedder
            or partial(SentenceTransformerEmbedder, settings.embedder, languages=settings.embedder_languages),
        )


def _base(settings: Settings) -> SharedGeneration | None:
    try:
        return ClusterStore(str(settings.store)).open()
    except IndexMissingError:
        return None


def _changes(base: SharedGeneration | None, scanned: Scan) -> Changes:
    before = base.stored.stamps() if base else {}
    after = {file.article.id: file.stamp.sha256 for file in scanned.files}
    return Changes(
        new=tuple(one for one in after if one not in before),
        changed=tuple(one for one, sha256 in after.items() if one in before and before[one].sha256 != sha256),
        unchanged=tuple(one for one, sha256 in after.items() if one in before and before[one].sha256 == sha256),
        gone=tuple(one for one in before if one not in after),
    )


def _is_up_to_date(base: SharedGeneration, scanned: Scan, changes: Changes) -> bool:
    return (
        not (changes.new or changes.changed or changes.gone)
        and reasons(base.manifest.problems) == reasons(scanned.problems)
        and base.duplicates_method == METHOD
    )


def _embed(
    added: Sequence[ScannedFile],
    machines: _Machines,
    embedder: Embedder,
    recipe: Recipe,
    store: SharedStore,
    clock: Clock,
) -> list[Parcel]:
    shares = loads(file.article for file in added)
    if machines.load_embedder is None:
        made: Iterator[tuple[int, Parcel]] = (
            (len(share), make_parcel(share, embedder, recipe, store)) for share in shares
        )
    else:
        from indexer.cluster.workers import parcels

        made = parcels(shares, machines.load_embedder, embedder.info, recipe, store)
    done, results = 0, []
    with clock.stage("embed", len(added)) as meter:
        for articles, parcel in made:
            results.append(parcel)
            done += articles
            meter(done)
    return results


def _folded(known: SharedGeneration | None, scanned: Scan, fresh: Set[str]) -> Mapping[str, tuple[str, ...]]:
    """Find the copies of stories among all articles; those that did not change are read from the store."""
    articles = [file.article for file in scanned.files if file.article.id in fresh]
    if known:
        kept = {file.article.id for file in scanned.files} - fresh
        articles += [file.article for file in known.stored.all_files() if file.article.id in kept]
    return fold(articles)


def _fingerprint(scanned: Scan) -> str:
    """Hash what the files hold; of those that did not change only the stamps are at hand."""
    digest = hashlib.sha256()
    for file in sorted(scanned.files, key=lambda file: file.article.id):
        digest.update(f"{file.article.id}\0{file.stamp.sha256}\n".encode())
    return digest.hexdigest()


def _report(manifest: Manifest, change: Change | None, scanned: Scan, changes: Changes, clock: Clock) -> BuildReport:
    embedded = sum(parcel.passages for parcel in change.parcels) if change else 0
    added = change.added if change else ()
    return BuildReport(
        generation=manifest.generation,
        committed=change is not None,
        counts=manifest.counts,
        new=changes.new,
        changed=changes.changed,
        unchanged=changes.unchanged,
        gone=changes.gone,
        passages_embedded=embedded,
        passages_reused=manifest.counts.passages - embedded,
        problems=scanned.problems,
        warnings=tuple(f"{file.article.id}: {warning}" for file in added for warning in file.article.warnings),
        seconds=clock.seconds,
    )
