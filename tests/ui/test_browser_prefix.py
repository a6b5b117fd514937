"""The page behind a reverse proxy that serves it under a prefix."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest

pytest.importorskip("playwright.sync_api")

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from playwright.sync_api import expect
from starlette.background import BackgroundTask

from qa.api import create_app
from tests.chromium import apart
from tests.qa.serving import serving_app, serving_made
from tests.ui.conftest import Place
from tests.ui.test_browser import COST, PLANTS, ask
from ui.page.mount import mount_page
from ui.page.prefix import HEADER

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PREFIX = "/footnote"
QUOTE = "A single ticket costs 3 crowns, and children under six travel free."


@dataclass(slots=True)
class Proxy:
    """Passes on what is under the prefix, without it, and notes what is not."""

    address: str = ""
    target: str = ""
    astray: list[str] = field(default_factory=list)

    async def forward(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        if not path.startswith(f"{PREFIX}/"):
            self.astray.append(path)
            return Response(status_code=404)
        client = httpx.AsyncClient(base_url=self.target, timeout=60)
        query = request.scope["query_string"].decode()
        message = client.build_request(
            request.method,
            path.removeprefix(PREFIX) + (f"?{query}" if query else ""),
            headers=[*request.headers.items(), (HEADER, PREFIX)],
            content=await request.body(),
        )
        answer = await client.send(message, stream=True)

        async def close() -> None:
            await answer.aclose()
            await client.aclose()

        return StreamingResponse(
            answer.aiter_raw(), answer.status_code, dict(answer.headers), background=BackgroundTask(close)
        )


@contextmanager
def proxied(place: Place) -> Iterator[Proxy]:
    """Serve the library under a prefix; `Host` stays what the browser sent."""
    proxy = Proxy()

    def front(port: int) -> FastAPI:
        app = FastAPI()
        app.add_api_route("/{path:path}", proxy.forward, methods=["GET", "POST", "DELETE"])
        proxy.address = f"http://127.0.0.1:{port}"
        return app

    async def mounted() -> FastAPI:
        settings = place.settings.model_copy(update={"port": int(proxy.address.rpartition(":")[2])})
        return mount_page(create_app(place.library, settings), place.library, settings)

    with (
        serving_made(front),
        serving_app(apart(mounted())) as proxy.target,
    ):
        yield proxy


def test_everything_works_under_a_prefix_and_nothing_leaves_it(place: Place, browser: "Browser") -> None:
    with proxied(place) as proxy:
        context = browser.new_context(locale="en-GB")
        requests: list[str] = []
        errors: list[str] = []
        context.on("request", lambda request: requests.append(request.url))
        context.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{proxy.address}{PREFIX}/")
        assert page.url == f"{proxy.address}{PREFIX}/ui/"
        page.wait_for_selector(".fn-status")
        ask(page, COST)
        page.locator("a.fn-cite").first.click()
        expect(page.locator("#t1-c1-mark")).to_be_focused()
        with context.expect_page() as opened:
            page.get_by_role("link", name="Open in a new tab").click()
        article = opened.value
        article.wait_for_load_state()
        assert article.url.startswith(f"{proxy.address}{PREFIX}/articles/ferry.md?start=")
        expect(article.locator("mark")).to_have_text(QUOTE)
        article.get_by_role("link", name="Back to Footnote").click()
        article.wait_for_selector(".fn-status")
        assert article.url == f"{proxy.address}{PREFIX}/ui/"
        article.close()
        # What the page's own scripts ask for.
        page.locator(".fn-act-up").click()
        expect(page.locator(".fn-told")).to_have_text("Noted, on this machine only.")
        page.get_by_role("tab", name="Library").click()
        expect(page.locator("#fn-articles")).to_contain_text("Harbour town doubles its ferry service")
        page.get_by_role("tab", name="Ask").click()
        ask(page, PLANTS)
        page.wait_for_timeout(2000)
        assert any("/v1/jobs" in url for url in requests)
        context.close()
        outside = [url for url in requests if not url.startswith((f"{proxy.address}{PREFIX}/", "data:", "blob:"))]
        assert (outside, proxy.astray, errors) == ([], [], [])


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "/a//b", "https://evil.example", "/..", "/a/../b", '/a"b', "/" + "a" * 99, "a", "/"]
)
def test_a_header_that_is_no_prefix_is_passed_over(served: Place, prefix: str) -> None:
    page = httpx.get(f"{served.address}/ui/", headers={HEADER: prefix})
    assert page.status_code == 200
    assert set(re.findall(r'"root":"([^"]*)"', page.text)) == {f"{served.address}/ui"}
    article = httpx.get(f"{served.address}/articles/ferry.md", headers={HEADER: prefix})
    assert '<a href="../">' in article.text


@pytest.mark.parametrize(("path", "home"), [("ferry.md", "../"), ("gone/very/far.md", "../../../")])
def test_an_article_page_leads_back_from_any_depth(served: Place, path: str, home: str) -> None:
    for headers in ({}, {HEADER: "/a/b"}):
        assert f'<header><a href="{home}">' in httpx.get(f"{served.address}/articles/{path}", headers=headers).text
