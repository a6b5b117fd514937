"""`footnote add`: files, folders and pages of the web into the corpus, then into the index.

Whatever is slow to load is imported inside the command that needs it, so that `--help` is not slow.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexer.errors import FootnoteError, UnreadableFileError
from indexer.settings import Settings, load_settings
from ui import terminal
from ui.options import CorpusOption, IndexOption, JsonOption, load_embedder
from ui.serving import SKIPPED, build_index
from ui.texts import ENGLISH

if TYPE_CHECKING:
    from indexer.build import BuildReport
    from qa.uploads import AddOutcome

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def add(
    what: Annotated[list[str], typer.Argument(metavar="FILE|FOLDER|URL…", help="Articles to put into the corpus.")],
    corpus: CorpusOption = None,
    index_folder: IndexOption = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild/--no-rebuild", help="Bring the index up to date afterwards; the usual.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Copy articles into the corpus, one outcome each, and bring the index up to date."""
    settings = load_settings({"corpus": corpus, "index": index_folder})
    _check_fetching(what, settings)
    outcomes = []
    for outcome in _add_all(what, settings):
        outcomes.append(outcome)
        if not as_json:
            _show(outcome)
    is_worth_it = rebuild and any(outcome.status != "refused" for outcome in outcomes)
    report, failure = _rebuild(settings) if is_worth_it else (None, None)
    if as_json:
        terminal.write_json(_document(outcomes, report, failure))
    if failure:
        terminal.report_error(failure)
        raise typer.Exit(failure.exit_code)
    if not as_json:
        _sum_up(outcomes, report)
    if any(outcome.status == "refused" for outcome in outcomes):
        raise typer.Exit(SKIPPED)


def _check_fetching(what: Sequence[str], settings: Settings) -> None:
    """Refuse before anything is copied when a page is named and none may be fetched."""
    if any(map(ADDRESS.match, what)):
        from qa.fetching import require_fetching

        require_fetching(settings)


def _add_all(what: Sequence[str], settings: Settings) -> "Iterator[AddOutcome]":
    """Add one after the other, so that one file at a time is in memory."""
    from qa.clippings import add_page
    from qa.uploads import add_file

    def keep(name: str, data: bytes) -> "AddOutcome":
        return add_file(settings.corpus, name, data, max_bytes=settings.max_file_mb * 2**20)

    for item in what:
        if ADDRESS.match(item):
            yield add_page(item, settings, keep)
        else:
            for path in _files(Path(item), settings):
                yield _add_path(path, Path(item), settings)


def _files(path: Path, settings: Settings) -> Iterator[Path]:
    """Yield a file, or the files below a folder in the order of their names; what no scan reads is passed over."""
    from indexer.corpus import is_passed_over

    if not path.is_dir():
        yield path
        return
    index = settings.index.resolve()
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(
            name for name in folders if not is_passed_over(name) and Path(folder, name).resolve() != index
        )
        yield from (Path(folder, name) for name in sorted(names) if not is_passed_over(name))


def _add_path(path: Path, named: Path, settings: Settings) -> "AddOutcome":
    """Add a file that was named, or found below a folder that was; there a link may not lead out of it."""
    from indexer.corpus import printable, read_regular
    from qa.uploads import AddOutcome, add_file, id_within

    if (article_id := id_within(settings.corpus, path)) is not None:
        return AddOutcome(name=printable(str(path)), status="already_there", article_id=article_id)
    limit = settings.max_file_mb * 2**20
    try:
        if path != named and path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(named.resolve()):
            raise UnreadableFileError("path", "The link leads outside the folder, or in a circle.")
        data = read_regular(path, max_bytes=limit)
    except UnreadableFileError as error:
        return AddOutcome(name=printable(str(path)), status="refused", reason=error.reason, detail=error.detail)
    return add_file(settings.corpus, path.name, data, max_bytes=limit)


def _rebuild(settings: Settings) -> "tuple[BuildReport | None, FootnoteError | None]":
    """Return the report, or why there is none: what was added stays added, and has to be told."""
    try:
        return build_index(settings, load_embedder(settings)), None
    except FootnoteError as error:
        return None, error


# ---------------------------------------------------------------- what is shown


def _show(outcome: "AddOutcome") -> None:
    if outcome.status == "refused":
        reason = str(getattr(ENGLISH, f"reason_{outcome.reason}", outcome.reason))
        terminal.say(f"{outcome.name}: {reason}. {outcome.detail}", label="not added: ", style="yellow")
        return
    name = "" if outcome.article_id == outcome.name else f" as {outcome.article_id}"
    state = "added" if outcome.status == "added" else "is there already"
    terminal.show(f"{outcome.name}: {state}{name}")


def _sum_up(outcomes: "Sequence[AddOutcome]", report: "BuildReport | None") -> None:
    if report:
        terminal.show_report(report)
    elif any(outcome.needs_rebuild for outcome in outcomes):
        terminal.show("They are found after `footnote index`.")


def _document(
    outcomes: "Sequence[AddOutcome]", report: "BuildReport | None", failure: FootnoteError | None
) -> dict[str, Any]:
    from qa.catalogue import AddedBody

    document: dict[str, Any] = {
        "files": [AddedBody.of(outcome).model_dump(mode="json") for outcome in outcomes],
        "index": report.to_dict() if report else None,
    }
    if failure:
        document["error"] = {"code": failure.code, "message": failure.message, "advice": failure.advice}
    return document
