"""`footnote feedback`: what users said of answers, and the questions that can be made of it.

Whatever is slow to load is imported inside the command that needs it, so that `--help` is not slow.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexer.errors import UsageError
from indexer.settings import load_settings
from ui import terminal
from ui.options import IndexOption, JsonOption

if TYPE_CHECKING:
    from qa.feedback import Feedback, QuestionSet


def feedback(
    index_folder: IndexOption = None,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what was confirmed as questions for `footnote eval`.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List what was said of answers; with --export, make a question file of it."""
    settings = load_settings({"index": index_folder})
    from qa.feedback import load, question_set

    remarks, damaged = load(settings.index)
    questions = question_set(remarks)
    if export:
        _write(export, questions)
    if as_json:
        terminal.write_json(_document(remarks, damaged, questions, export))
        return
    for remark in remarks:
        _show(remark)
    terminal.show(_summary(remarks, questions, export))
    if damaged:
        terminal.say(
            f"{terminal.count(damaged, 'line')} of the file could not be read.", label="note: ", style="yellow"
        )


def _write(path: Path, questions: "QuestionSet") -> None:
    """Write the file in one step; no file at all is better than one that an evaluation cannot use."""
    from indexer.storage import replace_file

    if not questions.lines:
        raise UsageError(
            "Nothing that was said can be made a question.",
            advice="It takes a thumbs-up on an answer, or on “not in these articles”.",
        )
    replace_file(path, "".join(f"{line}\n" for line in questions.lines).encode())


def _show(remark: "Feedback") -> None:
    style = "green" if remark.rating == "up" else "yellow"
    terminal.show(remark.question, label=f"{remark.at:%Y-%m-%d %H:%M}  {remark.rating:<5}", label_style=style)
    said = " · ".join(part for part in (remark.outcome, remark.reason, remark.comment) if part)
    if said:
        terminal.show(" ".join(said.split()), indent=23, style="dim")


def _summary(remarks: "Sequence[Feedback]", questions: "QuestionSet", export: Path | None) -> str:
    parts = [f"{terminal.count(len(remarks), 'remark')}; {terminal.count(len(questions.lines), 'question')}"]
    parts.append(f"written to {export}" if export else "can be exported")
    if questions.unclear:
        parts.append(f"{questions.unclear} need a human to say what is right")
    if questions.merged:
        parts.append(f"{questions.merged} were said again later")
    return f"{parts[0]} {', '.join(parts[1:])}."


def _document(
    remarks: "Sequence[Feedback]", damaged: int, questions: "QuestionSet", export: Path | None
) -> dict[str, Any]:
    return {
        "feedback": [remark.to_dict() for remark in remarks],
        "damaged_lines": damaged,
        "questions": len(questions.lines),
        "needs_human": questions.unclear,
        "merged": questions.merged,
        "exported": str(export) if export else None,
    }
