"""What comes with us: each version fixed, each licence allowed, each weight in the bill of materials, nothing risky."""

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from indexer.embedding import BUNDLED_SHA256
from qa.cross_encoder import WEIGHTS_SHA256
from tests.cluster.conftest import need

ROOT = Path(__file__).parents[2]
# What hatchling needs lies in an environment of its own while we are built.
BUILDING = {"hatchling", "editables", "trove-classifiers"}


@pytest.fixture(scope="module")
def chain() -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("supply_chain", ROOT / ".ci/supply_chain.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pins(chain: ModuleType) -> dict[str, str]:
    """Every version in the constraints, by canonical name."""
    lines = (ROOT / ".ci/constraints.txt").read_text(encoding="utf-8").splitlines()
    fixed = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in fixed), "one exact version a line"
    found = {chain.canonical(name): version for name, version in (line.split("==") for line in fixed)}
    assert len(found) == len(fixed), "a name stands there twice"
    return found


def test_all_that_is_installed_for_us_is_fixed_and_is_that_version(chain: ModuleType, pins: dict[str, str]) -> None:
    """What somebody else put into the environment is not looked at."""
    need("ray")
    needed = chain.closure([*chain.asked_for(["dev", "cluster"]), Requirement("pip")])
    assert not sorted(set(needed) - set(pins)), "add the exact version to .ci/constraints.txt"
    # A build for one kind of processor has a suffix: 2.13.0+cpu.
    installed = {name: found.version.partition("+")[0] for name, found in needed.items()}
    assert installed == {name: pins[name] for name in installed}


def test_what_is_fixed_is_what_is_asked_for(chain: ModuleType, pins: dict[str, str]) -> None:
    """Each direct need is fixed, within the bounds that pyproject.toml gives, those of `make audit` as well."""
    for asked in chain.asked_for(["dev", "cluster", "audit"]):
        assert asked.specifier.contains(pins[chain.canonical(asked.name)]), asked


def test_nothing_is_fixed_that_nobody_needs(chain: ModuleType, pins: dict[str, str]) -> None:
    if not all(_is_installed(asked.name) for asked in chain.asked_for(["audit"])):
        pytest.skip("`make audit` has not been run here, so what its tools need is not known")
    need("ray")
    needed = chain.closure([*chain.asked_for(["dev", "cluster", "audit"]), Requirement("pip")])
    assert set(pins) - set(needed) <= BUILDING


@pytest.mark.parametrize("use", ["serving", "development"])
def test_what_is_one_file_everywhere_has_its_hash(chain: ModuleType, pins: dict[str, str], use: str) -> None:
    text = (chain.HASHES / f"{use}.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    parts = [re.fullmatch(r"([\w.-]+)==([\w.]+) --hash=sha256:[0-9a-f]{64}", line) for line in lines]
    hashed = {part[1]: part[2] for part in parts if part}
    assert len(hashed) == len(lines)
    assert hashed == {name: pins[name] for name in hashed}
    # Platforms differ in a few needs; none is left out.
    assert not sorted(set(chain.pure(chain.uses()[use])) - set(hashed)), ".ci/supply_chain.py hashes"
    # What is compiled for each platform cannot have one.
    assert not {"torch", "numpy", "playwright", "tokenizers"} & set(hashed)


@pytest.mark.parametrize(
    ("file", "last"), [("Makefile", "--editable '.[dev]'"), ("docs/deploy/Containerfile", "constraints.txt .\n")]
)
def test_hashes_are_asked_for_first(file: str, last: str) -> None:
    """What a later step finds in the right version, it leaves."""
    recipe = (ROOT / file).read_text(encoding="utf-8")
    assert recipe.index("--require-hashes --no-deps") < recipe.index(".ci/hashes/serving.txt") < recipe.index(last)


def test_another_file_is_refused(tmp_path: Path) -> None:
    """As pip does it: the version is right, the file is not."""
    wheel = tmp_path / "footling-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("footling.py", "")
        file.writestr("footling-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: footling\nVersion: 1.0\n")
        file.writestr("footling-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("footling-1.0.dist-info/RECORD", "")
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    for digest, refused in ((right, False), (right[::-1], True)):
        (tmp_path / "hashes.txt").write_text(f"footling==1.0 --hash=sha256:{digest}\n")
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--find-links", str(tmp_path)]
        command += ["--require-hashes", "--no-deps", "--requirement", str(tmp_path / "hashes.txt")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) is refused, done.stderr
        assert ("DO NOT MATCH" in done.stderr) is refused


def _is_installed(name: str) -> bool:
    return any(True for _ in Distribution.discover(name=name))


def test_every_licence_is_allowed_and_stands_on_the_page(chain: ModuleType) -> None:
    need("ray")
    parts = chain.parts()
    assert not [(part.name, part.licence) for part in parts if not chain.is_allowed(part.licence)]
    page = chain.PAGE.read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| ([\w.-]+) \| (.+?) \| (?:serving|shared store|development) \|$", page, re.MULTILINE))
    # Platforms differ in a few needs; none is left out.
    assert not {part.name: part.licence for part in parts if listed.get(part.name) != part.licence}, "make licences"


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT AND PSF-2.0", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("MPL-1.1 OR GPL-2.0-only OR LGPL-2.1-or-later", True),
        ("GPL-3.0-only", False),
        ("MIT AND AGPL-3.0-only", False),
        ("MIT AND (GPL-2.0-only OR AGPL-3.0-only)", False),
        ("LicenseRef-Proprietary", False),
        ("unknown", False),
    ],
)
def test_of_alternatives_one_is_enough_and_of_a_sum_all_count(
    chain: ModuleType, expression: str, allowed: bool
) -> None:
    assert chain.is_allowed(expression) is allowed


def test_the_bill_of_materials_names_what_serving_needs_and_the_weights(chain: ModuleType) -> None:
    names = sorted({*chain.closure(chain.asked_for()), "a-stranger"})
    found = {
        "metadata": {"component": {"bom-ref": "root-component", "name": "footnote"}},
        "components": [{"bom-ref": f"{name}==1", "name": name} for name in names],
        "dependencies": [
            {"ref": "root-component", "dependsOn": ["torch==1", "a-stranger==1"]},
            {"ref": "a-stranger==1"},
        ],
    }
    bill = chain.bill_of_materials(found)
    assert [part["name"] for part in bill["components"] if part["bom-ref"].endswith("==1")] == sorted(
        chain.closure(chain.asked_for())
    )
    assert bill["dependencies"] == [{"ref": "root-component", "dependsOn": ["torch==1"]}]
    weights = {part["name"]: part for part in bill["components"] if part.get("type") == "machine-learning-model"}
    hashes = {name: part["hashes"][0]["content"] for name, part in weights.items()}
    assert hashes == {"all-MiniLM-L6-v2": BUNDLED_SHA256, "footnote-reader": WEIGHTS_SHA256}
    assert all(part["licenses"][0]["license"]["id"] == "Apache-2.0" for part in weights.values())


def test_bandit_as_make_lint_calls_it_finds_what_is_bad(tmp_path: Path) -> None:
    """That it finds nothing in our own code is what `make lint` shows."""
    (tmp_path / "bad.py").write_text("import subprocess\n\nsubprocess.run(input(), shell=True)\n", encoding="utf-8")
    recipe = re.search(r"^\t\$\(BIN\)/bandit (.+) indexer qa ui$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    command = [sys.executable, "-m", "bandit", *recipe.group(1).split(), "--format", "json", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert [problem["test_id"] for problem in json.loads(done.stdout)["results"]] == ["B602"]


def test_the_reader_that_is_shipped_is_the_one_that_is_named(chain: ModuleType) -> None:
    assert hashlib.sha256(chain.READER.read_bytes()).hexdigest() == WEIGHTS_SHA256
