"""Articles sent as text or by their address: the routes of what is not uploaded as a file."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from indexer.embedding import SentenceTransformerEmbedder
from indexer.settings import Settings
from qa.api import create_app
from qa.library import Library
from tests.qa.conftest import PORT
from tests.qa.page_server import TEXT, page_server

PASTED = {"title": "Honey: a record", "text": TEXT, "source": "Valley Gazette", "published": "2026-03-01"}


@pytest.fixture
def fetching(settings: Settings, embedder: SentenceTransformerEmbedder) -> Iterator[TestClient]:
    """A client of a server that may fetch, from loopback as well."""
    allowed = settings.model_copy(update={"fetch_urls": True, "fetch_private_addresses": True})
    app = create_app(Library(allowed, embedder), allowed)
    with TestClient(app, base_url=f"http://127.0.0.1:{PORT}") as client:
        yield client


def test_a_pasted_text_becomes_an_article(own_client: TestClient, settings: Settings) -> None:
    body = own_client.post("/v1/articles", json=PASTED).json()
    assert body["files"][0]["status"] == "added"
    assert body["files"][0]["article_id"] == "honey-a-record.md"
    assert body["needs_rebuild"]
    written = (settings.corpus / "honey-a-record.md").read_text(encoding="utf-8")
    front = '---\ntitle: "Honey: a record"\nsource: "Valley Gazette"\npublished: "2026-03-01"\n---\n\n'
    assert written == front + TEXT
    assert own_client.post("/v1/articles", json=PASTED).json()["files"][0]["status"] == "already_there"


def test_a_title_without_words_still_makes_a_file(own_client: TestClient) -> None:
    for title in ("???", "../../etc/passwd", "README"):
        [file] = own_client.post("/v1/articles", json={"title": title, "text": TEXT}).json()["files"]
        assert file["status"] == "added", file


@pytest.mark.parametrize(
    "change",
    [
        {"title": " "},
        {"title": "a" * 301},
        {"text": ""},
        {"text": 1},
        {"published": "2026-13-01"},
        {"url": "javascript:alert(1)"},
        {"name": "a.md"},
    ],
)
def test_a_wrong_text_is_refused(client: TestClient, change: dict[str, object]) -> None:
    response = client.post("/v1/articles", json={**PASTED, **change})
    assert response.status_code == 422
    assert response.json()["error"]["message"]


@pytest.mark.parametrize(
    "body", [{"url": 1}, {"url": "file:///etc/passwd"}, {"url": "http://a b"}, {"url": "http://x", "text": "a"}]
)
def test_a_wrong_address_is_refused(client: TestClient, body: dict[str, object]) -> None:
    assert client.post("/v1/articles", json=body).status_code == 422


def test_nothing_is_fetched_unless_it_is_allowed(client: TestClient) -> None:
    with page_server() as site:
        response = client.post("/v1/articles", json={"url": f"http://127.0.0.1:{site.port}/page"})
        assert site.requests == []
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "fetching_disabled"


def test_a_page_is_fetched_into_the_corpus(fetching: TestClient, settings: Settings) -> None:
    with page_server() as site:
        url = f"http://127.0.0.1:{site.port}/page"
        added = fetching.post("/v1/articles", json={"url": url}).json()
        refused = fetching.post("/v1/articles", json={"url": f"{url}s"}).json()
    assert added == {
        "files": [
            {
                "name": url,
                "status": "added",
                "article_id": "beekeepers-report-a-record-harvest.html",
                "reason": None,
                "detail": None,
            }
        ],
        "needs_rebuild": True,
    }
    assert (settings.corpus / "beekeepers-report-a-record-harvest.html").exists()
    assert (refused["files"][0]["status"], refused["files"][0]["reason"]) == ("refused", "bad_status")
    assert not refused["needs_rebuild"]
