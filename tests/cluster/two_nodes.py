"""Build on two Ray nodes, kill one while it works, and tell what was built; and what one process builds alone.

`python -m tests.cluster.two_nodes FOLDER`: a process of its own, since a cluster leaves threads and signals behind.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# A busy machine gives workers nothing at Ray's own niceness of 15.
os.environ.update(OMP_NUM_THREADS="1", RAY_worker_niceness="0", RAY_usage_stats_enabled="0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

from indexer.cluster import parcels
from indexer.cluster.build import build_shared
from indexer.cluster.store import ClusterStore
from indexer.settings import Settings
from tests.indexer.hash_embedder import HashEmbedder

ARTICLES = 40
PATIENCE_S = 120.0
# The least that Ray takes; else it is a share of the machine's memory.
NODE = {"num_cpus": 2, "object_store_memory": 80 * 2**20}


class StuckEmbedder(HashEmbedder):
    """Gets stuck in the second task on one node, until that is killed. The parent of a worker is its node."""

    def __init__(self, folder: Path, doomed: int) -> None:
        super().__init__()
        self._folder = folder
        self._doomed = doomed

    def embed_passages(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return one unit vector for each text, if ever."""
        stuck, deadline = self._folder / "stuck", time.monotonic() + PATIENCE_S
        node = os.getppid()
        begun = self._folder / f"begun-{node}"
        if not begun.exists():
            begun.touch()
        else:
            # The other node waits here too, or it might have done everything before this one had two.
            if node == self._doomed:
                stuck.touch()
            while time.monotonic() < deadline and (node == self._doomed or not stuck.exists()):
                time.sleep(0.02)
        return super().embed_passages(texts, progress=progress)


def main(folder: Path) -> None:
    """Print the passages of both builds as JSON."""
    from ray.cluster_utils import Cluster

    corpus = folder / "corpus"
    corpus.mkdir()
    for number in range(ARTICLES):
        text = f"# Article {number}\n\nThe ferry number {number} crosses the bay. It carries {7 * number} cars.\n"
        (corpus / f"{number:03}.md").write_text(text, encoding="utf-8")
    # Two articles a task.
    parcels.LOAD_CHARACTERS = 120
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    second = cluster.add_node(**NODE)
    doomed = second.all_processes["raylet"][0].process.pid

    def lose() -> None:
        while not (folder / "stuck").exists():
            time.sleep(0.02)
        cluster.remove_node(second, allow_graceful=False)

    losing = threading.Thread(target=lose, daemon=True)
    losing.start()
    alone = Settings(corpus=corpus, index=folder / "index", store=str(folder / "alone"))
    settings = alone.model_copy(update={"store": str(folder / "cluster"), "ray_address": cluster.address})
    build_shared(settings, HashEmbedder(), load_embedder=partial(StuckEmbedder, folder, doomed))
    losing.join(PATIENCE_S)
    cluster.shutdown()
    build_shared(alone, HashEmbedder())
    result = {"lost": not losing.is_alive(), "cluster": _held(settings), "alone": _held(alone)}
    sys.stdout.write(json.dumps(result) + "\n")


def _held(settings: Settings) -> list[tuple[str, float]]:
    """Every passage with its likeness to one question, by id."""
    stored = ClusterStore(str(settings.store)).open().stored
    query = HashEmbedder().embed_queries(["ferry"])[0]
    found = stored.nearest(query, 10 * ARTICLES, None)
    return sorted((one.passage.passage.id, round(one.score, 4)) for one in found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
