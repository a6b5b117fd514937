"""How fast are passages embedded, and how far is that from what the processor can do?

python -m benchmarks.embedding [FOLDER] [--passages 256] [--save benchmarks/results/embedding.json]

Passages of about 130 tokens are drawn from the Markdown of FOLDER (`corpus/` if none is given), one drawn place after
the other, of varied lengths. Four things embed the same passages in one run, in turns: the library's `encode` in single
precision and in bfloat16, 32 texts at a time, and our embedder in both. All of it is done once on one core, by the
processor's time, since a busy machine changes the clock more; and once on all cores, by the clock.

MFU is model FLOPs over time over the peak. Multiplications and additions of the matrix products only, no padding
(Chowdhery et al. 2022, PaLM, appendix B): per token 2 × (4 d² + 2 d·f) per layer for its weights, and 4·n·d per layer
for attention over n tokens. The peak is the better of two products of squares of 2048, torch's own and oneDNN's with
weights in its own layout, in the same precision and the same turns.
"""

import argparse
import json
import os
import platform
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from indexer import embedding
from indexer.bert import Linear
from indexer.embedding import SentenceTransformerEmbedder, bundled_folder, token_batches

ROOT = Path(__file__).parent.parent
LAYERS, WIDTH, INNER = 6, 384, 1536
SQUARE, PRODUCTS = 2048, 6
LIBRARY_BATCH = 32
WORDS, SPREAD = 96, 20
QUESTION = "When will the new data centre in Ulsan open its doors?"
ASKED = 40
Work = Callable[[], object]


def passages_of(folder: Path, many: int) -> list[str]:
    """Draw passages from the English Markdown of a folder."""
    words = [word for path in sorted(folder.glob("*.md")) for word in path.read_text(encoding="utf-8").split()]
    words = [word for word in words if word.isascii()]
    draw = random.Random(0)
    lengths = [max(20, round(draw.gauss(WORDS, SPREAD))) for _ in range(many)]
    places = [draw.randrange(len(words) - length) for length in lengths]
    return [" ".join(words[place : place + length]) for place, length in zip(places, lengths, strict=True)]


def model_flops(lengths: Sequence[int]) -> float:
    """Return the multiplications and additions that texts of these many tokens need."""
    weights = 2 * LAYERS * (4 * WIDTH**2 + 2 * WIDTH * INNER)
    return float(sum(n * (weights + 4 * LAYERS * WIDTH * n) for n in lengths))


def padding(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    """Return the share of padding if batches are filled up to their longest text."""
    padded = sum(len(batch) * max(lengths[at] for at in batch) for batch in batches)
    return 1 - sum(lengths) / padded


def best_of(works: dict[str, Work], clock: Callable[[], float], rounds: int) -> dict[str, float]:
    """Run everything in turns and return the least seconds of each."""
    best = dict.fromkeys(works, float("inf"))
    for turn in range(rounds + 1):
        for name, work in works.items():
            start = clock()
            work()
            if turn:
                best[name] = min(best[name], clock() - start)
    return best


def square_products(dtype: torch.dtype, *, packed: bool) -> Work:
    """Return what multiplies large squares; each counts 2·n³."""
    left, right = (torch.randn(SQUARE, SQUARE).to(dtype) for _ in range(2))
    product = Linear(right, torch.zeros(SQUARE), dtype) if packed else partial(torch.mm, right)

    def work() -> None:
        with torch.inference_mode():
            for _ in range(PRODUCTS):
                product(left)

    return work


def works(texts: list[str], models: dict[str, Any]) -> dict[str, Work]:
    """Return what is timed, by name."""
    return {
        "peak float32": square_products(torch.float32, packed=False),
        "peak packed float32": square_products(torch.float32, packed=True),
        "peak bfloat16": square_products(torch.bfloat16, packed=False),
        "peak packed bfloat16": square_products(torch.bfloat16, packed=True),
        **{name: partial(embed, model, texts) for name, model in models.items()},
    }


def embed(model: SentenceTransformer | SentenceTransformerEmbedder, texts: list[str]) -> Any:  # noqa: ANN401 - an array
    """Embed passages the way of each."""
    if isinstance(model, SentenceTransformer):
        return model.encode(texts, batch_size=LIBRARY_BATCH, show_progress_bar=False)
    return model.embed_passages(texts)


def rates(seconds: dict[str, float], lengths: Sequence[int]) -> dict[str, Any]:
    """Return passages, tokens and FLOPs a second, MFU and ratios to the library in single precision."""
    peaks = {
        name: PRODUCTS * 2 * SQUARE**3 / min(seconds[f"peak {name}"], seconds[f"peak packed {name}"])
        for name in ("float32", "bfloat16")
    }
    result: dict[str, Any] = {f"peak_{name}_gflops": round(peak / 1e9) for name, peak in peaks.items()}
    for name, spent in seconds.items():
        if not name.startswith("peak"):
            flops = model_flops(lengths) / spent
            result[name] = {
                "passages_per_s": round(len(lengths) / spent, 1),
                "tokens_per_s": round(sum(lengths) / spent),
                "gflops": round(flops / 1e9),
                "mfu": round(flops / peaks[name.split()[-1]], 3),
                "times_library_float32": round(seconds["library float32"] / spent, 2),
            }
    return result


def question(models: dict[str, Any]) -> dict[str, float]:
    """Return milliseconds of the processor for one question: the network alone, with all around it, and the library."""
    # The last is the one that is served with.
    ours, library = list(models.values())[-1], models["library bfloat16"]
    tokens = ours._encoder.tokenise([QUESTION])
    features = library.preprocess([QUESTION])

    def library_network() -> None:
        with torch.inference_mode():
            library.forward(dict(features))

    seconds = best_of(
        {
            "our_network": lambda: ours._encoder.vectors(tokens),
            "embed_queries": lambda: ours.embed_queries([QUESTION]),
            "library_network": library_network,
            "library_encode": lambda: library.encode([QUESTION], show_progress_bar=False),
        },
        time.process_time,
        ASKED,
    )
    return {name: round(1000 * spent, 2) for name, spent in seconds.items()}


def loaded() -> dict[str, Any]:
    """Return the models; our single precision is what a processor without bfloat16 gets."""
    library = {
        f"library {str(dtype).removeprefix('torch.')}": SentenceTransformer(
            str(bundled_folder()), device="cpu", local_files_only=True, model_kwargs={"dtype": dtype}
        )
        for dtype in (torch.float32, torch.bfloat16)
    }
    native = SentenceTransformerEmbedder()
    asked = embedding.multiplies_bfloat16
    embedding.multiplies_bfloat16 = lambda: False
    single = SentenceTransformerEmbedder()
    embedding.multiplies_bfloat16 = asked
    return {**library, "ours float32": single, f"ours {native.info.dtype}": native}


def measured(folder: Path, many: int, rounds: int) -> dict[str, Any]:
    """Measure everything in one run."""
    texts, models = passages_of(folder, many), loaded()
    reference = models["library float32"].encode(texts, normalize_embeddings=True)
    vectors = {name: models[name].embed_passages(texts) for name in models if name.startswith("ours")}
    encoder: Any = models["ours float32"]._encoder
    lengths = [len(tokens.ids) for tokens in encoder.tokenise(texts)]
    by_characters = sorted(range(many), key=lambda at: -len(texts[at]))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one = rates(best_of(works(texts, models), time.process_time, rounds), lengths)
    asked = question(models)
    torch.set_num_threads(threads)
    return {
        "setup": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "processor": platform.processor() or platform.machine(),
            "cpus": os.cpu_count(),
            "threads": threads,
            "passages": many,
            "tokens_per_passage": round(float(np.mean(lengths)), 1),
            "rounds": rounds,
            "load": round(os.getloadavg()[0], 1),
        },
        "one_core_by_processor_time": one,
        "all_cores_by_the_clock": rates(best_of(works(texts, models), time.perf_counter, rounds), lengths),
        "one_question_cpu_ms": asked,
        "least_cosine_to_library_float32": {
            name: round(float(np.sum(found * reference, axis=1).min()), 5) for name, found in vectors.items()
        },
        "padding": {
            # Our network sees none; this is what our batches would have, were they padded.
            "of_our_batches_if_padded": round(padding(lengths, list(token_batches(lengths))), 4),
            "of_the_library": round(
                padding(lengths, [by_characters[at : at + LIBRARY_BATCH] for at in range(0, many, LIBRARY_BATCH)]), 4
            ),
            "in_our_network": 0.0,
        },
    }


def table(result: dict[str, Any]) -> str:
    """Return what was measured as the Markdown table of docs/benchmarks.md."""
    core, cores = result["one_core_by_processor_time"], result["all_cores_by_the_clock"]
    peaks = [f"{part[f'peak_{kind}_gflops']}" for part in (core, cores) for kind in ("float32", "bfloat16")]
    setup = result["setup"]
    rows = [
        f"{setup['passages']} passages of {setup['tokens_per_passage']:.0f} tokens, load {setup['load']}. "
        f"Peaks in GFLOP/s: {peaks[0]} and {peaks[1]} (single precision and bfloat16) on one core, "
        f"{peaks[2]} and {peaks[3]} on two.",
        "",
        "| | one core: passages/s | × library, single precision | MFU | two cores: passages/s | × | MFU |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in (name for name in core if isinstance(core[name], dict)):
        cells = [
            f"{part[name]['passages_per_s']} | {part[name]['times_library_float32']} | {part[name]['mfu']:.0%}"
            for part in (core, cores)
        ]
        rows.append(f"| {name.replace('float32', 'single precision').replace(' ', ', ', 1)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "corpus")
    parser.add_argument("--passages", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    result = measured(arguments.folder, arguments.passages, arguments.rounds)
    print(table(result))
    if arguments.save:
        arguments.save.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
