"""No code from data: the product's source, read as trees, holds no pickle in any guise and evaluates no text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for package in ("indexer", "qa", "ui") for path in (ROOT / package).rglob("*.py"))

# Whatever is in their files is run when they are read.
BANNED_MODULES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "jsonpickle"}
# PyYAML's C loader crashes on deep nesting; its others but the safe one build any object.
BANNED_NAMES = {
    "eval", "exec", "torch.load", "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load",
    "yaml.CLoader", "yaml.CSafeLoader", "yaml.Loader", "yaml.UnsafeLoader", "yaml.FullLoader",
    "numpy.core.multiarray", "pandas.read_pickle", "os.system", "os.popen",
}  # fmt: skip
IMPORTERS = {"__import__", "importlib.import_module", "runpy.run_path", "runpy.run_module"}
# The child that reads one file is told by its parent, not by a file, which module reads it.
TOLD_WHAT_TO_IMPORT = {"indexer/sandbox_child.py": {"importlib.import_module"}}
BANNED_TRUE = {"shell", "allow_pickle", "trust_remote_code"}


def offences(tree: ast.Module) -> Iterator[str]:
    """What a module may not do, by line; names are followed through the imports that give them others."""
    meant = _meanings(tree)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            yield from (f"{line}: {alias.name}" for alias in node.names if _root(alias.name) in BANNED_MODULES)
        elif isinstance(node, ast.ImportFrom):
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (f"{line}: {name}" for name in full if _root(name) in BANNED_MODULES or name in BANNED_NAMES)
        elif isinstance(node, ast.Name | ast.Attribute):
            if (name := _named(node, meant)) in BANNED_NAMES:
                yield f"{line}: {name}"
        elif isinstance(node, ast.keyword) and node.arg in BANNED_TRUE:
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                yield f"{node.value.lineno}: {node.arg} is not plainly False"
        elif isinstance(node, ast.Call) and (name := _named(node.func, meant)) in IMPORTERS:
            yield f"{line}: {name}"


def _meanings(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `import numpy as np` makes np numpy."""
    meant: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            meant |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            meant |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return meant


def _named(node: ast.expr, meant: dict[str, str]) -> str:
    """The dotted name that an expression is, by its full name; empty for any other expression."""
    rest = ""
    while isinstance(node, ast.Attribute):
        rest = f".{node.attr}{rest}"
        node = node.value
    return meant.get(node.id, node.id) + rest if isinstance(node, ast.Name) else ""


def _root(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_banned(path: Path) -> None:
    allowed = TOLD_WHAT_TO_IMPORT.get(str(path.relative_to(ROOT)), set())
    found = offences(ast.parse(path.read_text(encoding="utf-8")))
    assert [offence for offence in found if offence.partition(": ")[2] not in allowed] == []


@pytest.mark.parametrize(
    "snippet",
    [
        "import pickle",
        "def f():\n    import marshal as m",
        "from shelve import open",
        "import dill.source",
        "from joblib import load",
        "import joblib",
        "import torch\ntorch.load('x', weights_only=True)",
        "import torch as t\nt.load('x')",
        "from torch import load\nload('x')",
        "import yaml\nyaml.load(x)",
        "import yaml\nyaml.safe_load(x, Loader=yaml.CSafeLoader)",
        "from yaml import CSafeLoader as L",
        "eval('1')",
        "run = exec",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=wanted)",
        "np.load('x', allow_pickle=True)",
        "AutoModel.from_pretrained('x', trust_remote_code=1)",
        "import os\nos.system('ls')",
        "__import__('pickle')",
        "import importlib\nimportlib.import_module(name)",
    ],
)
def test_each_ban_bites(snippet: str) -> None:
    assert list(offences(ast.parse(snippet)))


@pytest.mark.parametrize(
    "snippet",
    [
        "import yaml\nyaml.safe_load(x)",
        "np.load('x', allow_pickle=False)",
        "model.eval()",
        "re.compile('eval')",
        "from safetensors.torch import load_file",
    ],
)
def test_what_is_harmless_passes(snippet: str) -> None:
    assert list(offences(ast.parse(snippet))) == []
