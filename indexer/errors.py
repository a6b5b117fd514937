"""Every error a user can meet: what happened, to which thing, and what to do about it."""

from typing import ClassVar


class FootnoteError(Exception):
    """The root: shown to the user as `message`, followed by `advice`."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class SettingsError(FootnoteError):
    """A setting is unknown, of the wrong type, or contradicts another."""

    code = "settings"
    exit_code = 2


class UsageError(FootnoteError):
    """The request itself cannot be served: a bad date, an unknown article, an empty question."""

    code = "usage"
    exit_code = 2


class UnreadableFileError(FootnoteError):
    """One file cannot become an article; the others go on. `reason` is a short stable word.

    Reasons: empty, binary, encoding, too_large, no_text, permission, not_regular, changed, missing, unsupported,
    malformed, path, timeout, memory, crash; of a web page also address, unreachable, bad_status. What is `passing`
    is no property of the file: it is worth another try.
    """

    code = "unreadable_file"

    def __init__(self, reason: str, detail: str, *, passing: bool = False) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.passing = passing


class SandboxError(FootnoteError):
    """The process that reads files cannot be started, so no file can be read."""

    code = "sandbox"
    exit_code = 74


class NothingToIndexError(FootnoteError):
    """The corpus is missing, empty, or holds no readable article; a live index stays untouched."""

    code = "nothing_to_index"
    exit_code = 4


class ShrinkRefusedError(FootnoteError):
    """A rebuild would lose more articles than the shrink limit allows without a word from the user."""

    code = "shrink_refused"
    exit_code = 4


class IndexMissingError(FootnoteError):
    """There is no committed generation to open."""

    code = "index_missing"
    exit_code = 5


class IndexDamagedError(FootnoteError):
    """A file of the index is not what its manifest says; it is never served and never deleted."""

    code = "index_damaged"
    exit_code = 5


class IndexIncompatibleError(FootnoteError):
    """The index was made by another format version, embedder or analyser."""

    code = "index_incompatible"
    exit_code = 5


class IndexBusyError(FootnoteError):
    """Another process is building this index."""

    code = "index_busy"
    exit_code = 75


class StorageError(FootnoteError):
    """The disk refused: full, read-only, or failing."""

    code = "storage"
    exit_code = 74


class EmbedderError(FootnoteError):
    """The embedding model is missing, or is not the one that was expected."""

    code = "embedder"
    exit_code = 2


class ReaderError(FootnoteError):
    """The reader's model is missing, or is not the one that was expected."""

    code = "reader"
    exit_code = 2
