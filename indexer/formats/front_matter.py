"""YAML front matter → strings and lists of strings; it can be wrong in any way without costing the body."""

import re
from dataclasses import dataclass

import yaml

from indexer.formats.decoding import normalise

MAX_CHARS = 16 * 1024

_FENCE = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_OPENING = re.compile(r"\s*---[ \t]*\n")
_KEY_LINE = re.compile(r"(?P<key>[A-Za-z_][\w-]{0,40})[ \t]*:(?:[ \t]+(?P<value>.*))?$")

Value = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The fields of a front matter (keys in lower case), where the body begins, and what was wrong."""

    values: dict[str, Value]
    body_start: int
    warnings: tuple[str, ...] = ()


class _AliasError(yaml.YAMLError):
    pass


class _Loader(yaml.BaseLoader):
    """Pure Python (the C parser crashes on deep nesting), scalars as written, no aliases (alias bombs)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _AliasError("aliases are not allowed")
        return super().compose_node(parent, index)


def read_front_matter(text: str) -> FrontMatter:
    """Read the front matter at the very start of a text; none of it is lost when it is none."""
    opening = _OPENING.match(text)
    if not opening:
        return FrontMatter({}, 0)
    closing = _FENCE.search(text, opening.end(), opening.end() + MAX_CHARS)
    if not closing:
        return _unclosed(text, opening.end())
    raw = text[opening.end() : closing.start()]
    values, warnings = _parse(raw)
    if not values and raw.strip():
        # Two rules with prose between them: a body, not a front matter.
        return FrontMatter({}, 0, tuple(warnings))
    return FrontMatter(values, closing.end(), tuple(warnings))


def _unclosed(text: str, start: int) -> FrontMatter:
    """Take the `key: value` lines below an opening fence that is never closed; the rest is body."""
    values: dict[str, Value] = {}
    end = start
    for line in text[start : start + MAX_CHARS].split("\n"):
        match = _KEY_LINE.match(line)
        if not match:
            break
        values.setdefault(match["key"].lower(), _unquoted(match["value"] or ""))
        end = min(end + len(line) + 1, len(text))
    if not values:
        return FrontMatter({}, 0)
    return FrontMatter(values, end, ("front matter is not closed",))


def _parse(raw: str) -> tuple[dict[str, Value], list[str]]:
    try:
        return _parse_yaml(raw)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        values = _parse_lines(raw)
        kind = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition("\n")[0][:80]
        return values, [f"front matter is not valid YAML ({kind}): read line by line"] if values else []


def _parse_yaml(raw: str) -> tuple[dict[str, Value], list[str]]:
    loader = _Loader(raw)
    try:
        root = loader.get_single_node()
    finally:
        loader.dispose()
    values: dict[str, Value] = {}
    warnings = []
    if not isinstance(root, yaml.MappingNode):
        return {}, []
    for key_node, value_node in root.value:
        key = str(key_node.value).strip().lower() if isinstance(key_node, yaml.ScalarNode) else ""
        value = _value(value_node)
        if key in values:
            warnings.append(f"front matter repeats {key!r}: the first one counts")
        elif key and value is not None:
            values[key] = value
    return values, warnings


def _value(node: yaml.Node) -> Value | None:
    if isinstance(node, yaml.ScalarNode):
        return _plain(node)
    if isinstance(node, yaml.SequenceNode):
        return tuple(_plain(item) for item in node.value if isinstance(item, yaml.ScalarNode))
    return None


def _plain(scalar: yaml.ScalarNode) -> str:
    """Return a scalar as text: its escapes may stand for any character, half a surrogate pair included."""
    return normalise(str(scalar.value)).strip()


def _parse_lines(raw: str) -> dict[str, Value]:
    """Read `key: value` lines one by one, whatever stands between them."""
    values: dict[str, Value] = {}
    for line in raw.split("\n"):
        match = _KEY_LINE.match(line.strip())
        if match:
            values.setdefault(match["key"].lower(), _unquoted(match["value"] or ""))
    return values


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
