"""Bytes of unknown encoding → normalised text, or a clear refusal; never mojibake in silence."""

import codecs
import functools
import re
import sys
import unicodedata
from dataclasses import dataclass

import charset_normalizer

from indexer.errors import UnreadableFileError

MAX_BROKEN_SHARE = 0.01

# Longest first: the UTF-32 mark begins with the UTF-16 one.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BINARY_STARTS = (
    b"%PDF",
    b"PK\x03\x04",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"\x7fELF",
    b"\x1f\x8b",
    b"\xd0\xcf\x11\xe0",
)
# The web reads these names as the larger encoding that contains them.
_WIDER = {"euc_kr": "cp949", "iso8859-1": "cp1252", "latin-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}
_LEGACY = ("cp949", "shift_jis", "euc_jp", "cp1252")
_SAMPLE = 1 << 18
_NUL_SHARE = 0.001
_CONTROL_SHARE = 0.01
_FEW_CONTROLS = 2
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# Read with the bytes of each character swapped, a text holds next to none of these.
_PLAIN = re.compile(r"[\t\r\n -~가-힣ぁ-ヿ\u00a0-\u024f\u2010-\u203b]")
_PLAIN_SHARE = 0.9
_HIGH = re.compile(r"[^\x00-\x7f]")
# What Western text really writes outside ASCII; "ÿ" or "þ" alone are far more often damage.
_WESTERN = re.compile("[‘’“”–—…•€£¥©®°·«»¡¿§™½¼¾²³µ\u00a0ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûü]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Normalised text (NFC, `\\n`, no control characters) and what had to be repaired."""

    text: str
    warnings: tuple[str, ...]


def decode(data: bytes, *, declared: str | None = None) -> Decoded:
    """Decode and normalise one file; `declared` is the encoding the file claims for itself.

    Raises UnreadableFileError: empty, binary or encoding.
    """
    if not data.strip():
        raise UnreadableFileError("empty", "The file is empty.")
    if data.startswith(_BINARY_STARTS):
        raise UnreadableFileError("binary", "The file is not text, whatever its name says.")
    text, warnings = _to_text(data, declared)
    text, nuls = _without_nuls(text)
    if nuls:
        warnings.append(f"removed {nuls} NUL characters")
    text = normalise(text)
    if not text.strip():
        raise UnreadableFileError("empty", "The file holds nothing but white space.")
    return Decoded(text, tuple(warnings))


def _to_text(data: bytes, declared: str | None) -> tuple[str, list[str]]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _repair(data[len(mark) :], encoding)
    if b"\0" in data[:_SAMPLE]:
        return _with_nuls(data)
    if len(_CONTROLS.findall(data[:_SAMPLE])) > max(_FEW_CONTROLS, _CONTROL_SHARE * len(data[:_SAMPLE])):
        raise UnreadableFileError("binary", "The file is not text: it is full of control characters.")
    codec = _codec(declared)
    if codec and codec.startswith("iso2022"):
        return _repair(data, codec)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(data, codec)
    contradicted = codec not in (None, "utf-8", "ascii") and not text.isascii()
    return text, [f"declared as {declared}, but is UTF-8"] if contradicted else []


def _with_nuls(data: bytes) -> tuple[str, list[str]]:
    """Tell UTF-16 without a mark from a few stray NULs and from binary data."""
    sample = data[:_SAMPLE]
    nuls = sample.count(0)
    if nuls <= max(1, _NUL_SHARE * len(sample)):
        return _to_text(data.replace(b"\0", b""), None)[0], [f"removed {data.count(0)} NUL characters"]
    for encoding in ("utf-16-le", "utf-16-be"):
        start = sample[: len(sample) // 2 * 2].decode(encoding, "replace")
        if len(_PLAIN.findall(start)) >= _PLAIN_SHARE * len(start):
            return _repair(data, encoding, f"no byte-order mark: read as {encoding.upper()}")
    raise UnreadableFileError("binary", "The file is not text: it holds NUL bytes.")


def _legacy(data: bytes, declared: str | None) -> tuple[str, list[str]]:
    """Decode what is not valid UTF-8: as declared, as damaged UTF-8, or as the likeliest old encoding."""
    if declared and declared not in ("utf-8", "ascii"):
        try:
            return data.decode(declared), []
        except (UnicodeDecodeError, ValueError):
            if not _UTF8_SEQUENCE.search(data):
                return _repair(data, declared)
    damaged = data.decode("utf-8", "replace")
    good = len(_HIGH.findall(damaged)) - damaged.count("\ufffd")
    if good > damaged.count("\ufffd"):
        return _repair(data, "utf-8")
    for encoding in _candidates(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _is_plausible(text, encoding):
            return text, [f"not UTF-8: read as {encoding}"]
    return _repair(data, "utf-8")


def _candidates(data: bytes) -> list[str]:
    sample = data if len(data) <= _SAMPLE else data[: data.rfind(b"\n", 0, _SAMPLE) + 1] or data[:_SAMPLE]
    best = charset_normalizer.from_bytes(sample, cp_isolation=list(_LEGACY)).best()
    likeliest = [best.encoding] if best is not None and best.encoding in _LEGACY else []
    return likeliest + [encoding for encoding in _LEGACY if encoding not in likeliest]


def _is_plausible(text: str, encoding: str) -> bool:
    """Check that the characters outside ASCII are those the encoding was made for."""
    high: list[str] = _HIGH.findall(text)
    if encoding == "cp1252":
        return all(_WESTERN.match(c) is not None for c in high)
    if encoding == "cp949":
        return sum("가" <= c <= "힣" for c in high) >= 0.7 * len(high)
    kana = sum("\u3041" <= c <= "\u30fe" for c in high)
    return kana >= 0.2 * len(high) and not any("\uff61" <= c <= "\uff9f" for c in high)


def _repair(data: bytes, encoding: str, *warnings: str) -> tuple[str, list[str]]:
    """Decode what is mostly right; a byte that fits nothing becomes U+FFFD and is counted."""
    own = data.count("\ufffd".encode()) if encoding == "utf-8" else 0
    text = data.decode(encoding, "replace")
    replaced = text.count("\ufffd") - own
    if replaced > MAX_BROKEN_SHARE * len(data):
        raise UnreadableFileError(
            "encoding", f"The text encoding is unknown: {replaced} bytes of {len(data)} fit none."
        )
    return text, [*warnings, f"replaced {replaced} bytes"] if replaced > 0 else [*warnings]


def _codec(declared: str | None) -> str | None:
    """Return Python's name of a declared encoding, as the web reads it, or None when there is none."""
    if not declared:
        return None
    try:
        name = codecs.lookup(declared.strip()).name
        "".encode(name)
    except (LookupError, ValueError, UnicodeError):
        return None
    return _WIDER.get(name, name)


def _without_nuls(text: str) -> tuple[str, int]:
    nuls = text.count("\0")
    if nuls > max(1, _NUL_SHARE * len(text)):
        raise UnreadableFileError("binary", "The file is not text: it holds NUL characters.")
    return text.replace("\0", ""), nuls


_LINE_ENDS = re.compile("[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Controls, marks that reorder or hide text, soft hyphen, zero-width space, stray BOM, tag characters.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_MOST_MARKS = 30


def normalise(text: str) -> str:
    """Bring text to the form every offset counts in: NFC, `\\n` line ends, no control characters."""
    text = _UNWANTED.sub("", _LINE_ENDS.sub("\n", text.replace("\r\n", "\n")))
    if text.isascii():
        return text
    text = _SURROGATES.sub("\ufffd", text)
    # Sorting a run of combining marks takes quadratic time; no language needs more than a few.
    return unicodedata.normalize("NFC", _mark_runs().sub(r"\1", text))


@functools.cache
def _mark_runs() -> re.Pattern[str]:
    marks = "".join(c for c in map(chr, range(0x300, min(sys.maxunicode, 0x1F000))) if unicodedata.combining(c))
    return re.compile(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]+")
