"""The log: one event a line on stderr, as JSON for machines or, what went wrong only, as text for a terminal.

An event is a record of the standard library's logging: its message names it, `extra` are its fields. Whatever a field
holds stays on its line: control characters, and marks that turn the direction of writing, are escaped.
"""

import json
import logging
import sys
import unicodedata
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

LogFormat = Literal["auto", "text", "json"]

# Set for the time of a request, and handed on to the thread that answers it.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")

OWN = ("indexer", "qa", "ui")
HANDLER = "footnote"
# The message that `json` gives is ASCII; this is what a terminal must not get.
UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


def configure(log_format: LogFormat = "auto", stream: TextIO | None = None) -> Literal["text", "json"]:
    """Send every event of this process to stderr and return how it is written; `auto` is text on a terminal only."""
    stream = stream or sys.stderr
    chosen: Literal["text", "json"] = "text" if log_format == "auto" and stream.isatty() else "json"
    if log_format != "auto":
        chosen = log_format
    handler = logging.StreamHandler(stream)
    handler.set_name(HANDLER)
    handler.setFormatter(JsonFormatter() if chosen == "json" else TextFormatter())
    root = logging.getLogger()
    for earlier in [one for one in root.handlers if one.get_name() == HANDLER]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    for name in OWN:
        # On a terminal what goes well is seen on the page.
        logging.getLogger(name).setLevel(logging.INFO if chosen == "json" else logging.WARNING)
    logging.captureWarnings(capture=True)
    return chosen


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What an event says besides its name."""
    found = {name: value for name, value in vars(record).items() if name not in STANDARD and value is not None}
    request_id = found.pop("request_id", "") or REQUEST_ID.get()
    return {"request_id": request_id, **found} if request_id else found


class JsonFormatter(logging.Formatter):
    """One JSON object a line, in ASCII: `ts` (UTC), `level`, `event`, `logger`, then the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one event."""
        line = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """One line for people: time, level, event and its fields; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one event."""
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = [f"{name}={value}" for name, value in _fields(record).items()]
        lines = [" ".join([time, record.levelname.lower(), record.getMessage(), *fields])]
        if record.exc_info:
            lines += self.formatException(record.exc_info).splitlines()
        return "\n".join(map(escape, lines))


def escape(text: str) -> str:
    """Write out what would break a line, steer a terminal, or turn the direction of writing."""
    return "".join(ascii(mark)[1:-1] if unicodedata.category(mark) in UNSAFE else mark for mark in text)
