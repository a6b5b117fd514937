"""The documents say what is: every command, option, route, setting and module, and nothing that is not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from indexer.embedding import SentenceTransformerEmbedder
from indexer.settings import Settings
from qa.api import create_app
from qa.library import Library
from ui.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "corpus/README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def read(name: str) -> str:
    """A document's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table after a heading, without its head."""
    after = text.split(f"\n{heading}\n", 1)[1]
    lines = after[after.index("\n|") :].strip().split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def commands() -> dict[str, set[str]]:
    """Every command with its options."""
    group = typer.main.get_command(app)
    names = {option for parameter in group.params for option in parameter.opts}
    found = {"": {name for name in names if name.startswith("--")}}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        found[name] = {option for option in options if option.startswith("--")}
    return found


def test_every_command_stands_in_the_readme_with_its_options() -> None:
    """`--json` and `--help`, which all have, are said once."""
    documented: dict[str, set[str]] = {}
    for cell, _ in rows(read("README.md"), "## The command line"):
        name = re.match(r"`footnote (\w+)", cell)
        assert name is not None
        documented.setdefault(name.group(1), set()).update(re.findall(r"`(--[\w-]+)", cell))
    expected = {name: options - {"--json", "--help"} for name, options in commands().items() if name}
    assert documented == expected
    assert all("--json" in options for name, options in commands().items() if name)


def mentions() -> Iterator[tuple[str, str, set[str]]]:
    """Every `footnote …` in code, on every page: page, command, options."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        pieces = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^\$? ?(footnote .*)$", text, re.MULTILINE)
        for piece in pieces:
            for call in re.findall(r"\bfootnote((?: [^|]*)?)", piece):
                command = re.match(r" (\w+)", call)
                yield page.name, command.group(1) if command else "", set(re.findall(r"(--[\w-]+)", call))


def test_no_page_names_a_command_or_option_that_is_not() -> None:
    known = commands()
    for page, command, options in mentions():
        assert command in known, f"{page}: footnote {command}"
        assert options <= known[command] | {"--help"}, f"{page}: footnote {command} {options}"


def test_every_route_stands_in_the_api_page(tmp_path: Path, embedder: SentenceTransformerEmbedder) -> None:
    settings = Settings(corpus=tmp_path, index=tmp_path / "index")
    paths = create_app(Library(settings, embedder), settings).openapi()["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert {cells[0].strip("`") for cells in rows(read("docs/api.md"), "## Routes")} == served


def test_every_setting_stands_in_the_operations_page_with_its_default() -> None:
    documented = {cells[0].strip("`"): cells[1].strip("`") for cells in rows(read("docs/operations.md"), "## Settings")}
    assert documented == {name: _written(field.default) for name, field in Settings.model_fields.items()}


def _written(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(default) or "none"
    return "none" if default is None else str(default)


def test_every_exit_code_stands_in_the_operations_page() -> None:
    from indexer import errors

    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    raised = {cls.exit_code for cls in classes if issubclass(cls, errors.FootnoteError)}
    documented = {int(cells[0]) for cells in rows(read("docs/operations.md"), "## Exit codes")}
    assert raised <= documented


def test_the_map_is_the_territory() -> None:
    documented = [cells[0].strip("`") for cells in rows(read("docs/architecture.md"), "## The map")]
    modules = {
        str(path.relative_to(ROOT))
        for package in ("indexer", "qa", "ui")
        for path in (ROOT / package).rglob("*.py")
        # The packages themselves are the arrows of the map; what is a package within them has its line.
        if path.name != "__init__.py" or path.parent != ROOT / package
    }
    assert set(documented) == modules
    assert len(documented) == len(modules)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_every_make_target_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(named) <= targets, page.name


def test_the_answer_in_the_readme_is_true(tmp_path: Path) -> None:
    """Asked now, the question of the README gives the answer of the README, to the letter; but sources grow older."""
    example = re.search(r'```\n\$ footnote ask "(.+)"\n(.+?)```', read("README.md"), re.DOTALL)
    assert example is not None
    index = tmp_path / "index"
    runner = CliRunner()
    assert runner.invoke(app, ["index", "--corpus", str(ROOT / "corpus"), "--index", str(index)]).exit_code == 0
    answer = runner.invoke(app, ["ask", example.group(1), "--index", str(index)])
    now, then = (re.sub(r"newest source .+", "", text) for text in (answer.stdout, example.group(2)))
    assert now == then
