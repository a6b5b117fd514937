"""No regular expression of ours can be made to think for long: each reads 100,000 hostile characters in a moment.

The patterns are read from the source and from the modules as they stand in memory. Each is tried in a process of its
own, which ends by itself, because a regular expression that thinks cannot be interrupted.
"""

import ast
import importlib
import multiprocessing
import pkgutil
import re
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from types import ModuleType

import pytest

import indexer
import qa
import ui
from tests.conftest import Tally, Trials
from tests.test_layout import modules

# Of processor time, so that a busy machine does not matter: what the slowest should take, what none may, and when one
# is given up.
WANTED_S = 0.1
LIMIT_S = 1.0
GIVEN_UP_S = 4.0
Found = dict[tuple[str, int], str]

# The children touch nothing but `re`; whoever ran before us in this process may have loaded Lance.
pytestmark = pytest.mark.filterwarnings("ignore:lance is not fork-safe")


def in_memory(thing: object, depth: int = 0) -> Iterator["re.Pattern[str]"]:
    """The patterns that a thing is, or holds."""
    if isinstance(thing, re.Pattern):
        if isinstance(thing.pattern, str):
            yield thing
    elif depth < 4:
        if isinstance(thing, Mapping):
            for one in (*thing, *thing.values()):
                yield from in_memory(one, depth + 1)
        elif isinstance(thing, tuple | list | set | frozenset):
            for one in thing:
                yield from in_memory(one, depth + 1)
        elif is_dataclass(thing) and not isinstance(thing, type):
            for field in fields(thing):
                yield from in_memory(getattr(thing, field.name, None), depth + 1)


def in_source(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The literal patterns that are handed to a function of `re` in passing, and which function that is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "re":
            pattern = node.args[0] if node.args else None
            if (
                node.func.attr not in ("escape", "compile")
                and isinstance(pattern, ast.Constant)
                and isinstance(pattern.value, str)
            ):
                yield pattern.value, node.func.attr


def imported() -> Iterator[tuple[str, ModuleType]]:
    """Every module by its name, but those of an extra that is not installed: their source is read all the same."""
    for package in (indexer, qa, ui):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            try:
                yield info.name, importlib.import_module(info.name)
            except ModuleNotFoundError:
                if not info.name.startswith("indexer.cluster."):
                    raise


@cache
def ours() -> Found:
    """Every pattern with its flags, and where it was found."""
    found: Found = {}
    for name, module in imported():
        for thing in vars(module).values():
            for pattern in in_memory(thing):
                found.setdefault((pattern.pattern, pattern.flags), name)
    for name, tree in modules().items():
        for text, _ in in_source(tree):
            found.setdefault((text, int(re.UNICODE)), name)
    return found


WAYS: Mapping[str, Callable[["re.Pattern[str]", str], object]] = {
    "match": lambda pattern, text: pattern.match(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "search": lambda pattern, text: pattern.search(text),
    "finditer": lambda pattern, text: deque(pattern.finditer(text), maxlen=0),
}


@cache
def uses() -> dict[str, set[str]]:
    """The methods that are called on each pattern, by its text: what is only matched at a place is not searched for."""
    named: dict[str, set[str]] = {}
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in {*WAYS, "sub", "subn", "split", "findall"}:
                name = ast.unparse(node.value).rpartition(".")[2]
                owner = module if name.startswith("_") else ""
                named.setdefault(f"{owner}:{name}", set()).add(node.attr if node.attr in WAYS else "finditer")
    found: dict[str, set[str]] = {}
    for tree in modules().values():
        for text, way in in_source(tree):
            found.setdefault(text, set()).add(way if way in WAYS else "finditer")
    for module_name, module in imported():
        for name, thing in vars(module).items():
            if isinstance(thing, re.Pattern):
                found.setdefault(str(thing.pattern), set()).update(
                    named.get(f"{module_name if name.startswith('_') else ''}:{name}", ())
                )
    return found


def used(pattern: str) -> list[Callable[["re.Pattern[str]", str], object]]:
    """How a pattern is used; one whose name says nothing is tried in every way."""
    return [WAYS[way] for way in sorted(uses().get(pattern) or WAYS)]


def nasty(pattern: str, size: int) -> Iterator[str]:
    """Texts that make a pattern start over: its own letters and what classes match, many times, with a bad end."""
    literals = re.sub(r"\\[A-Za-z]|[\\^$.|?*+(){}\[\]]", " ", pattern).split()
    seeds = [
        " ",
        "\n",
        "a",
        "A",
        "1",
        "가",
        "a ",
        " a",
        "1,",
        "1.",
        "a.",
        "가 ",
        "-",
        '"',
        "(",
        "A. ",
        "a1",
        "<",
        "\t",
        "a\n",
        "https://",
    ]
    seeds += [word[:40] for word in dict.fromkeys(literals)][:6]
    joined = "".join(literals)[:60]
    if joined:
        seeds.append(joined)
    # Its marks, each alone and before what a class may match: "‘가‘가‘가" opens again and again.
    marks = sorted({letter for letter in re.sub(r"\\.", "", pattern) if not letter.isalnum()} - set(r"\[](){}|?*+^$."))
    seeds += [mark + behind for mark in marks for behind in ("", "a", "가", "1", " ")]
    for seed in dict.fromkeys(seeds):
        repeated = (seed * (size // len(seed) + 1))[:size]
        yield repeated + "\0"


def slowest(pattern: str, flags: int, size: int) -> tuple[float, str]:
    """Return how long the slowest text took, and how it begins."""
    compiled, worst, culprit = re.compile(pattern, flags), 0.0, ""
    ways = used(pattern)
    for text in nasty(pattern, size):
        # Ends the process, also in the middle of a match.
        signal.setitimer(signal.ITIMER_PROF, GIVEN_UP_S)
        started = time.process_time()
        for way in ways:
            way(compiled, text)
        if (seconds := time.process_time() - started) > worst:
            worst, culprit = seconds, text[:12]
        if worst > LIMIT_S:
            break
    return worst, culprit


def _try(work: list[tuple[str, int]], size: int, answers: "multiprocessing.connection.Connection") -> None:
    for pattern, flags in work:
        answers.send(slowest(pattern, flags, size))
    answers.close()


def times_of(patterns: list[tuple[str, int]], size: int) -> dict[tuple[str, int], tuple[float, str]]:
    """Try each pattern; one that ends its process took as long as there was."""
    context, times = multiprocessing.get_context("fork"), {}
    left = list(patterns)
    while left:
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_try, args=(left, size, theirs))
        child.start()
        theirs.close()
        with suppress(EOFError):
            while left:
                times[left[0]] = ours.recv()
                left.pop(0)
        child.join()
        if left:
            times[left.pop(0)] = (GIVEN_UP_S, "?")
    return times


def test_none_thinks_for_long(tally: Tally, trials: Trials) -> None:
    found, size = ours(), trials(10_000, 100_000)
    assert len(found) > 200, "they are found at all"
    # What takes ten times as long for ten times as much is as it should be; a hundred times is what we look for.
    limit = LIMIT_S if size == 100_000 else LIMIT_S / 20
    times = times_of(list(found), size)
    ranked = sorted(times, key=lambda one: -times[one][0])
    slow = [(found[one], one[0][:80], *times[one]) for one in ranked if times[one][0] > limit]
    tally(
        f"regular expressions on {size:,} characters",
        tried=len(times),
        too_slow=len(slow),
        over_100_ms=sum(seconds > WANTED_S for seconds, _ in times.values()),
        slowest_ms=round(times[ranked[0]][0] * 1000),
    )
    assert slow == []


@pytest.mark.parametrize("pattern", [r"(?:a+)+$", r"\s+$", r"(\w+\s?)*x"])
def test_a_slow_one_is_noticed(pattern: str) -> None:
    """The trial can fail: what thinks for ever ends its process, what is only quadratic is far too slow."""
    ((seconds, _),) = times_of([(pattern, 0)], 10_000).values()
    assert seconds > LIMIT_S / 20
