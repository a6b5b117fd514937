"""Whatever is sent, the answer is one that the reference promises, and none is our fault.

Schemathesis makes requests from the OpenAPI document, valid and invalid ones, and compares each response with it;
beside that noise is sent as every kind of body. Both go to a real server with the real model.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CheckFunction
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.settings import Settings
from qa import api
from qa.library import Library
from tests.conftest import Tally, Trials
from tests.qa.conftest import CORPUS, serving, write_corpus
from tests.reliability.effort import effort_of

# What a schema cannot say, such as that one date is not after another, is refused though it fits the schema.
BEYOND_SCHEMAS: list[CheckFunction] = [positive_data_acceptance]
STATUSES = {200, 201, 202, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 503}
BODIES = ("/v1/answer", "/v1/search", "/v1/verify", "/v1/feedback", "/v1/articles", "/v1/articles/restore")
KINDS: dict[str, list[tuple[str, str]]] = {
    "json": [("content-type", "application/json")],
    "text": [("content-type", "text/plain")],
    "form": [("content-type", "application/x-www-form-urlencoded")],
    "multipart": [("content-type", "multipart/form-data; boundary=x")],
    "multipart without boundary": [("content-type", "multipart/form-data")],
    "none": [],
    "two kinds": [("content-type", "application/json"), ("content-type", "text/plain")],
    "gzip": [("content-type", "application/json"), ("content-encoding", "gzip")],
    "utf-16": [("content-type", "application/json; charset=utf-16")],
}
NAMED = {
    "NaN": b'{"question": NaN}',
    "infinity": b'{"question": "a", "top_k": Infinity}',
    "minus infinity": b'{"question": "a", "top_k": -Infinity}',
    "half a surrogate pair": b'{"question": "\\ud800"}',
    "NUL": b'{"question": "a\\u0000b"}',
    "a key twice": b'{"question": "a", "question": "b"}',
    "a byte order mark": b'\xef\xbb\xbf{"question": "a"}',
    "UTF-16": '{"question": "a"}'.encode("utf-16"),
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a huge number": b'{"question": "a", "top_k": ' + b"9" * 5000 + b"}",
    "a huge exponent": b'{"question": "a", "top_k": 1e999}',
    "a long body": b'{"question": "' + b"a" * 100_000 + b'"}',
    "an unknown key": b'{"question": "a", "__proto__": {}}',
    "a list for a text": b'{"question": ["a"]}',
    "nothing": b"",
    "two documents": b'{"question": "a"}{"question": "b"}',
}
PARTS = ("question", "filters", "history", "article_id", "cited_text", "start_char_index", "name", "text", "rating")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NOISE = st.binary(max_size=300) | st.dictionaries(st.sampled_from(PARTS), JSON_VALUES).map(
    lambda body: json.dumps(body).encode()
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Iterator[str]:
    """The address of a real server on a small corpus, which may be changed."""
    root: Path = tmp_path_factory.mktemp("fuzzed")
    settings = Settings(corpus=root / "corpus", index=root / "index")
    write_corpus(settings.corpus, CORPUS)
    build(settings, embedder)
    library = Library(settings, embedder)
    library.open()
    with serving(library, settings) as address:
        yield address
    library.close()


def fuzz(address: str, examples: int, *, only: str = "") -> tuple[Counter[int], list[str]]:
    """Try every operation of the reference `examples` times; return the statuses seen and what was wrong."""
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json", timeout=10)
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    for found, mode in product(schema.get_all_operations(), GenerationMode):
        assert isinstance(found, Ok)
        operation = found.ok()
        # In an address everything is text: there is nothing of a wrong type.
        if only not in operation.label or (mode is GenerationMode.NEGATIVE and not operation.body):
            continue

        @effort_of(examples)
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:  # noqa: ANN401 - made by schemathesis
            response = case.call(timeout=30)
            statuses[response.status_code] += 1
            if response.status_code not in STATUSES:
                wrong.append(f"{case.as_curl_command()}: {response.status_code}")
            if response.status_code == 413:
                # Refused by its length, before anybody looked at what it holds.
                return
            try:
                case.validate_response(response, excluded_checks=BEYOND_SCHEMAS)
            except FailureGroup as failures:
                wrong.extend(f"{case.as_curl_command()}: {failure}" for failure in failures.exceptions)

        # Where any text will do, nothing is wrong.
        with suppress(Unsatisfiable):
            send()
    return statuses, wrong


def test_every_operation_does_what_the_reference_says(served: str, trials: Trials, tally: Tally) -> None:
    statuses, wrong = fuzz(served, trials(5, 300))
    tally("requests made from the reference", sent=statuses.total(), undue=len(wrong), statuses=dict(statuses))
    assert not wrong, "\n".join(wrong[:5])
    assert {200, 404, 422} <= set(statuses)


def test_a_bug_in_a_route_is_found(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object, start: int, end: int, **__: object) -> None:
        raise IndexError if start > end else RuntimeError

    monkeypatch.setattr(api, "verify", stumble)
    statuses, wrong = fuzz(served, 15, only="/v1/verify")
    assert statuses[500]
    assert wrong


def is_due(response: httpx.Response) -> bool:
    """Whether a response is one of those promised, and an error in the one shape."""
    if response.status_code not in STATUSES:
        return False
    if response.status_code < 400:
        return True
    error = response.json()["error"]
    return set(error) == {"code", "message", "request_id"} and all(isinstance(text, str) for text in error.values())


def test_noise_of_every_kind_is_refused_in_one_shape(served: str, trials: Trials, tally: Tally) -> None:
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    with httpx.Client(base_url=served, timeout=30) as client:

        @effort_of(trials(250, 11_000))
        @given(st.sampled_from(BODIES), NOISE, st.just("json") | st.sampled_from(sorted(KINDS)))
        def send(path: str, body: bytes, kind: str) -> None:
            response = client.post(path, content=body, headers=KINDS[kind])
            statuses[response.status_code] += 1
            if not is_due(response):
                wrong.append(f"{path} {kind} {body!r}: {response.status_code} {response.text[:200]}")

        send()
    tally("raw bodies", sent=statuses.total(), undue=len(wrong), statuses=dict(statuses))
    assert not wrong, "\n".join(wrong[:5])


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_named_trap_is_refused(served: str, path: str, name: str) -> None:
    with httpx.Client(base_url=served, timeout=30) as client:
        response = client.post(path, content=NAMED[name], headers=KINDS["json"])
    assert response.status_code in (400, 413, 422), response.text
    assert is_due(response)


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
PATHS = ("/v1/answer", "//v1/answer", "/v1//answer", "/v1/articles/%00", "/v1/articles/%2e%2e/x", "/v1/jobs/%ff", "/%")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_odd_methods_and_paths_are_refused(served: str, method: str, path: str) -> None:
    with httpx.Client(base_url=served, timeout=30) as client:
        response = client.request(method, path)
    assert response.status_code in (200, 400, 404, 405, 422), response.text
    if method != "HEAD":
        assert is_due(response)
