"""What users say of answers: kept line by line beside the index, and turned into questions that measure it.

`feedback.jsonl` lies in the index folder, and is the one file there that cannot be built again: builds, rollbacks and
clean-ups touch only what they made, and nothing here ever removes or rewrites a line.
"""

import json
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from indexer.errors import StorageError
from indexer.storage import append_line, make_private_folder, read_file, reported

FEEDBACK_FILE = "feedback.jsonl"
# About a hundred thousand remarks; beyond it nobody reads them, and somebody may be filling the disk.
MAX_FEEDBACK_BYTES = 64 * 2**20
# JSON leaves these as they are, and Python's `splitlines` takes them for line ends.
LINE_ENDS = ("\x85", "\u2028", "\u2029")

Rating = Literal["up", "down"]
Reason = Literal["wrong", "incomplete", "not_in_articles_but_is", "in_articles_but_wrong_quote", "other"]


class FeedbackFullError(StorageError):
    """The file has reached its limit."""

    code = "feedback_full"


@dataclass(frozen=True, slots=True)
class Quote:
    """A quotation of the answer, in code points of the article, end exclusive."""

    article_id: str
    start_char_index: int
    end_char_index: int
    cited_text: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """What was said of one answer; `at` is when, with the offset of the local clock.

    `question` is as it was asked, `standalone_question` as it was understood where that is known. A `reason` goes
    with a thumbs-down. `outcome`, `generation` and `citations` are those of the answer, as the client told them.
    """

    id: str
    at: datetime
    question: str
    rating: Rating
    reason: Reason | None = None
    comment: str = ""
    answer_id: str | None = None
    standalone_question: str | None = None
    outcome: str | None = None
    generation: str | None = None
    citations: tuple[Quote, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self) | {"at": self.at.isoformat(timespec="seconds")}

    @property
    def asked(self) -> str:
        """The question in the form that can be asked again alone."""
        return self.standalone_question or self.question


_LINE = TypeAdapter(Feedback)


# ---------------------------------------------------------------- on disk


def new_id() -> str:
    """Return the id of one more remark."""
    return secrets.token_hex(8)


def now() -> datetime:
    """Return the time, with the offset of the local clock: "last week" was asked on a local day."""
    return datetime.now(UTC).astimezone()


def store(index: Path, feedback: Feedback) -> None:
    """Bring a remark to the disk; raises FeedbackFullError, or StorageError when the disk refuses."""
    with reported(index):
        make_private_folder(index)
    path = index / FEEDBACK_FILE
    if not append_line(path, _json(feedback.to_dict()).encode(), max_bytes=MAX_FEEDBACK_BYTES):
        raise FeedbackFullError(
            f"{path} has reached {MAX_FEEDBACK_BYTES >> 20} MiB.",
            advice="Move it away; the next remark begins a new one.",
        )


def load(index: Path) -> tuple[list[Feedback], int]:
    """Return every remark, oldest first, and how many lines are none: a crash may cut the last one off."""
    path = index / FEEDBACK_FILE
    try:
        lines = read_file(path).split(b"\n")
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise StorageError(f"Cannot read {path}: {error.strerror or error}.") from error
    found: list[Feedback] = []
    damaged = 0
    for line in filter(None, lines):
        try:
            found.append(_LINE.validate_json(line))
        except ValidationError:
            damaged += 1
    return found, damaged


def _json(value: object) -> str:
    """Write JSON on one line, whatever reads it and wherever it takes a line to end."""
    line = json.dumps(value, ensure_ascii=False)
    for mark in LINE_ENDS:
        line = line.replace(mark, f"\\u{ord(mark):04x}")
    return line


# ---------------------------------------------------------------- as questions


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """What can be asked again: lines for `footnote eval`; the other remarks are counted.

    `merged` were said of a question that was judged again later; `unclear` do not say what would be right.
    """

    lines: tuple[str, ...]
    merged: int
    unclear: int


def question_set(remarks: Sequence[Feedback]) -> QuestionSet:
    """Turn remarks, oldest first, into questions; of several on one question the newest counts, whatever it says."""
    newest: dict[str, Feedback] = {}
    for remark in remarks:
        # Taken out first, so that it moves to its new place.
        newest.pop(_key(remark.asked), None)
        newest[_key(remark.asked)] = remark
    lines = [_json(line) for line in map(_question, newest.values()) if line]
    return QuestionSet(tuple(lines), merged=len(remarks) - len(newest), unclear=len(newest) - len(lines))


def _key(question: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", question).casefold().split())


def _question(remark: Feedback) -> dict[str, Any] | None:
    """Return a line of a question file; None when the remark does not say what the truth is."""
    quotes = _true_quotes(remark)
    if quotes is None:
        return None
    return {
        "id": remark.id,
        "question": remark.asked,
        "answers": list(dict.fromkeys(quote.cited_text for quote in quotes)) or None,
        "articles": list(dict.fromkeys(quote.article_id for quote in quotes)),
        "answerable": bool(quotes),
        "as_of": remark.at.date().isoformat(),
    }


def _true_quotes(remark: Feedback) -> Sequence[Quote] | None:
    """Return the quotations that answer, none for "not in these articles", or None when that is not known.

    Half an answer is no truth, and most reasons only say what is not true. But the quotations that come with "the
    articles do answer this" cannot be those of an answer that had none.
    """
    match remark.rating, remark.outcome, remark.reason:
        case ("up", "answered", _) | ("down", "not_in_articles", "not_in_articles_but_is"):
            return remark.citations or None
        case "up", "not_in_articles", _:
            return ()
    return None
