"""The machines of a Ray cluster parse, chunk and embed: the one home of Ray.

Work is given as tasks, not to actors: a task that was on a lost machine runs again on any other, while an actor needs
room for itself before its calls go on. The model stays in the process that ran the first task, and serves the next.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
import ray

from indexer.articles import Article
from indexer.cluster.contract import Parcel, SharedStore
from indexer.cluster.parcels import Recipe, make_parcel
from indexer.embedding import Embedder, EmbedderInfo
from indexer.errors import EmbedderError, FootnoteError, StorageError, UnreadableFileError
from indexer.manifest import same_embedder
from indexer.sandbox import shared_pool

# What one task takes of a machine; a machine that declares a single one gives that.
CPUS = 2

Loader = Callable[[], Embedder]


class RayParser:
    """Reads files in the sandboxes of all machines."""

    def __init__(self) -> None:
        self.at_once = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._parse = ray.remote(num_cpus=1, max_retries=-1)(_parse)

    def submit(self, article_id: str, data: bytes) -> Future[Article]:
        """Begin to read a file; the future raises UnreadableFileError when it is no article."""
        outcome: Future[Article] = Future()

        def tell(done: Future[Any]) -> None:
            try:
                found = done.result()
            except Exception as error:
                outcome.set_exception(error)
                return
            if isinstance(found, Article):
                outcome.set_result(found)
            else:
                outcome.set_exception(UnreadableFileError(found[0], found[1], passing=found[2]))

        self._parse.remote(article_id, data).future().add_done_callback(tell)
        return outcome


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Join a cluster while the block runs; raises StorageError when there is none."""
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise StorageError(
            f"There is no Ray cluster at {address}: {error}",
            advice="Start one with `ray start`, or unset `ray_address`.",
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def parcels(
    loads: Iterable[Sequence[Article]], load_embedder: Loader, info: EmbedderInfo, recipe: Recipe, store: SharedStore
) -> Iterator[tuple[int, Parcel]]:
    """Yield how many articles each parcel holds, and the parcel, as they are done.

    A task that is lost with its machine runs again elsewhere; what it had put is never committed.
    """
    largest = max((int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]), default=1)
    cpus = max(1, min(CPUS, largest))
    task = ray.remote(num_cpus=cpus, max_retries=-1)(_make_parcel)
    waiting: dict[Any, int] = {}
    source = iter(loads)
    while True:
        # No more than can run: for one that waits Ray starts a worker every other second, and ends it for want of room.
        room = max(1, int(ray.cluster_resources().get("CPU", 1)) // cpus)
        while len(waiting) < room and (load := next(source, None)) is not None:
            waiting[task.remote(list(load), load_embedder, info, recipe, store)] = len(load)
        if not waiting:
            return
        done, _ = ray.wait(list(waiting))
        for one in done:
            outcome = ray.get(one)
            if isinstance(outcome, FootnoteError):
                raise outcome
            yield waiting.pop(one), outcome


def _parse(article_id: str, data: bytes) -> Article | tuple[str, str, bool]:
    try:
        return shared_pool().submit(article_id, data).result()
    except UnreadableFileError as error:
        return error.reason, error.detail, error.passing


def _make_parcel(
    articles: Sequence[Article], load_embedder: Loader, info: EmbedderInfo, recipe: Recipe, store: SharedStore
) -> Parcel | FootnoteError:
    """Make a parcel; what the user has to know is returned, since Ray would wrap what is raised."""
    try:
        embedder = _loaded(load_embedder, info)
        if not same_embedder(embedder.info, info):
            return EmbedderError(
                f"The machine {os.uname().nodename} has the embedder {embedder.info.id}; the build uses {info.id}.",
                advice="Put the same model on every machine.",
            )
        return make_parcel(articles, embedder, recipe, store)
    except FootnoteError as error:
        return error


def _loaded(load_embedder: Loader, info: EmbedderInfo) -> Embedder:
    """Return the model of this process, loaded by its first task."""
    # A loader that came by mail is another one each time, so that it cannot be the key.
    if info not in _embedders:
        _embedders.clear()
        _embedders[info] = load_embedder()
    return _embedders[info]


_embedders: dict[EmbedderInfo, Embedder] = {}
