"""The page behind keys, in a real browser: it asks for the key once, and offers what that key allows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright.sync_api")

from fastapi import FastAPI
from playwright.sync_api import expect
from pydantic import SecretStr

from qa.api import create_app
from tests.chromium import apart
from tests.qa.serving import serving_made
from tests.ui.conftest import Place
from tests.ui.test_browser import COST, ask
from ui.page.mount import mount_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

READ, ADMIN = "r" * 40, "a" * 40


@contextmanager
def keyed(place: Place) -> Iterator[str]:
    """Serve the library with both keys."""

    def make(port: int) -> FastAPI:
        keys = {"port": port, "api_key": SecretStr(READ), "admin_key": SecretStr(ADMIN)}
        settings = place.settings.model_copy(update=keys)

        async def mounted() -> FastAPI:
            return mount_page(create_app(place.library, settings), place.library, settings)

        return apart(mounted())

    with serving_made(make) as address:
        yield address


@pytest.mark.parametrize(("key", "changes"), [(READ, False), (ADMIN, True)])
def test_the_page_offers_what_the_key_allows(place: Place, browser: "Browser", key: str, changes: bool) -> None:
    with keyed(place) as address:
        context = browser.new_context(locale="en-GB", http_credentials={"username": "me", "password": key})
        page = context.new_page()
        refused: list[str] = []
        page.on("response", lambda one: refused.append(one.url) if one.status in (401, 403) else None)
        # Straight to the page: what its scripts ask of /v1 lies outside of what the browser was first asked for.
        page.goto(f"{address}/ui/")
        page.wait_for_selector(".fn-status")
        ask(page, COST)
        page.locator(".fn-act-up").click()
        expect(page.locator(".fn-told")).to_have_text("Noted, on this machine only.")
        page.get_by_role("tab", name="Library").click()
        expect(page.locator("#fn-articles")).to_contain_text("Harbour town doubles its ferry service")
        for part in ("#fn-upload", "#fn-rebuild", ".fn-delete >> nth=0"):
            expect(page.locator(part)).to_be_visible(visible=changes)
        expect(page.locator(".fn-read-only")).to_have_count(0 if changes else 1)
        # What is not offered is not possible either.
        status = page.evaluate("async () => (await fetch('../v1/articles/gone.md', { method: 'DELETE' })).status")
        assert status == (404 if changes else 403)
        assert not [url for url in refused if "/ui/" in url]
        context.close()


def test_without_a_key_there_is_no_page(place: Place, browser: "Browser") -> None:
    with keyed(place) as address:
        context = browser.new_context(http_credentials={"username": "me", "password": "w" * 40})
        page = context.new_page()
        response = page.goto(f"{address}/ui/")
        assert response is not None
        assert response.status == 401
        context.close()
