"""`footnote export` and `footnote import`: a copy of the index to keep elsewhere, and back.

Whatever is slow to load is imported inside the command that needs it, so that `--help` is not slow.
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.settings import load_settings
from ui import terminal
from ui.options import IndexOption, JsonOption, load_embedder

if TYPE_CHECKING:
    from indexer.transfer import TransferReport


def export(
    target: Annotated[Path, typer.Argument(metavar="FILE.zip|DIR", help="Where to; it must not be there yet.")],
    index_folder: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a copy of the current index, as a zip or a folder; questions and rebuilds go on meanwhile."""
    settings = load_settings({"index": index_folder})
    from indexer.stores import folder_of
    from indexer.transfer import export_generation

    with terminal.counter("Writing") as progress:
        report = export_generation(folder_of(settings), target, progress=progress)
    _show(report, f"{report.copy_of} is in {target}, and was read back", as_json=as_json)


def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE.zip|DIR", help="What `footnote export` wrote.")],
    index_folder: IndexOption = None,
    verify: Annotated[bool, typer.Option("--verify", help="Only check the copy; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a copy byte by byte and make it the current index; the one before is kept, for `footnote rollback`."""
    settings = load_settings({"index": index_folder})
    from indexer.stores import folder_of
    from indexer.transfer import import_copy, verify_copy

    store = folder_of(settings)
    if not verify:
        store.refuse_if_busy()
    model = load_embedder(settings).info
    with terminal.counter("Checking" if verify else "Reading") as progress:
        if verify:
            report = verify_copy(source, expect=model, progress=progress)
            done = f"{source} is a whole copy of {report.copy_of}"
        else:
            report = import_copy(store, source, keep=settings.keep_generations, expect=model, progress=progress)
            done = f"{report.generation} is the current generation now, a copy of {report.copy_of}"
    if not verify and not report.committed:
        done = f"Nothing changed: {report.generation} is the same as the copy"
    _show(report, done, as_json=as_json)


def _show(report: "TransferReport", done: str, *, as_json: bool) -> None:
    for warning in report.warnings:
        terminal.say(warning, label="note: ", style="yellow")
    if as_json:
        terminal.write_json(asdict(report))
        return
    size = f"{report.bytes / 2**20:.1f} MiB"
    terminal.show(f"{done}: {terminal.count(report.articles, 'article')}, {report.files} files, {size}.")
