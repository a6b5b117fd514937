"""`footnote …`: the commands, one line each; what they do stands in the modules they come from."""

import os
from typing import Annotated

import typer

import indexer
from ui import terminal
from ui.adding import add
from ui.asking import articles, ask, evaluate
from ui.checking import doctor, rollback, verify
from ui.feedback import feedback
from ui.serving import index, serve
from ui.transfer import export, import_
from ui.why import why

app = typer.Typer(cls=terminal.Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def main() -> None:
    """Run the command line."""
    # The index, and whatever else is written, holds what the articles say: that is nobody else's on this machine.
    os.umask(0o077)
    app()


def _print_version(value: bool) -> None:
    if value:
        terminal.show(f"footnote {indexer.__version__}")
        raise typer.Exit


@app.callback()
def _footnote(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an unforeseen error.")] = False,
) -> None:
    """Answers from a folder of articles; every sentence is a quotation you can check."""


# In the order in which `--help` lists them; a new command is an import above and a line here.
app.command()(index)
app.command()(serve)
app.command()(add)
app.command()(ask)
app.command()(articles)
app.command()(why)
app.command(name="eval")(evaluate)
app.command()(feedback)
app.command()(verify)
app.command()(rollback)
app.command()(export)
app.command(name="import")(import_)
app.command()(doctor)
