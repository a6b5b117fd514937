"""A Footnote whose every text means harm, and a browser that notes whatever of it comes alive."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.articles import Article, Sentence
from indexer.build import build
from indexer.embedding import Embedder
from indexer.generation import Generation
from indexer.settings import Settings
from qa.answer import Answer
from qa.citations import check, cite
from qa.library import Library
from qa.reader import Evidence
from qa.retrieval import NO_FILTERS, Filters, Hit
from qa.writing import Written, WrittenSentence
from tests.qa.hostile_server import HostileServer, hostile_server
from tests.reliability.hostile_texts import EVIL, PAYLOADS, file_name
from tests.ui.conftest import serving_page
from ui.page.markup import Exchange
from ui.page.receipts import receipt_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request

CAPES = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gorse", "Hazel", "Ivy", "Juniper", "Larch")


def fact(number: int) -> str:
    """A sentence that a question can be asked about, another one for each number."""
    first, second = divmod(number, len(CAPES))
    return f"The lighthouse of {CAPES[first]} and {CAPES[second]} Point shines over {number + 11} miles of open sea."


def question_of(number: int) -> str:
    """The question that this sentence answers, with the payload behind it."""
    first, second = divmod(number, len(CAPES))
    place = f"{CAPES[first]} and {CAPES[second]} Point"
    return f"Over how many miles does the lighthouse of {place} shine? {PAYLOADS[number]}"


def article_id(number: int) -> str:
    """The name of the Markdown article of a payload; one with line ends could not be asked for."""
    return f"{' '.join(file_name(PAYLOADS[number]).split())}.md"


def write_hostile_corpus(corpus: Path) -> None:
    """Write each payload as title, author, source, address, text, name of a file and of a folder, and as a problem."""
    for number, payload in enumerate(PAYLOADS):
        name, field_ = file_name(payload), json.dumps(payload)
        front = "".join(f"{key}: {field_}\n" for key in ("title", "author", "source", "url"))
        day = f"published: 2026-01-{number % 28 + 1:02}\n"
        article = f"---\n{front}{day}---\n\n{fact(number)} It says: {payload}\n\n{payload}\n"
        folder = corpus / f"{name} folder"
        folder.mkdir(parents=True)
        (corpus / article_id(number)).write_text(article, encoding="utf-8")
        found = f"The keeper found this in bottle number {number} and wrote it down:"
        story = f"{found}\n\n{payload}\n\n{fact(number)[:-1]} today.\n"
        (folder / f"{name}.txt").write_text(story, encoding="utf-8")
        (folder / f"{name}.empty.txt").write_bytes(b"")


@dataclass(slots=True)
class HostilePlace:
    """A served library of hostile articles, and the language model that says what `stub.sayings["say-it"]` holds."""

    library: Library
    settings: Settings
    stub: HostileServer
    address: str

    def article(self, number: int) -> Article:
        """The Markdown article of a payload."""
        return self.library.generation.articles[article_id(number)]


@contextmanager
def hostile_place(root: Path, embedder: Embedder) -> Iterator[HostilePlace]:
    """Run `footnote serve` over that corpus, with the language model of the stub."""
    write_hostile_corpus(root / "corpus")
    with hostile_server() as stub:
        stub.sayings["say-it"] = ""
        settings = Settings(corpus=root / "corpus", index=root / "index")
        build(settings, embedder)
        library = Library(settings, embedder)
        library.open()
        writer = {"WRITER_BASE_URL": stub.base_url("say-it"), "WRITER_MODEL": f"model <b data-pwned>{EVIL}</b>"}
        variables = {f"FOOTNOTE_{name}": value for name, value in writer.items()}
        with serving_page(settings, root / "tmp", **variables) as address:
            yield HostilePlace(library, settings, stub, address)
        library.close()


# ---------------------------------------------------------------- answers whose every text is a payload


def hostile_answer(generation: Generation, number: int, kind: str) -> Answer:
    """An answer of one of three kinds from the article of a payload; the payload is all that is said of it."""
    article, payload = generation.articles[article_id(number)], PAYLOADS[number]
    passage = next(one for one in generation.passages if one.article_id == article.id)
    hit = Hit(passage, article, 1, 1.0, 0.9, 3.0)
    evidence = [Evidence(article, Sentence(start, end), 0.7) for start, end in _quoted(article)]
    text, citations = "", []
    for index, item in enumerate(evidence, start=1):
        start, text = len(text), f"{text}{item.text} [{index}] "
        made = cite(item, index=index, answer_start=start, answer_end=start + len(item.text))
        citations.append(made)
    citations = [check(made, article, text) for made in citations]
    answered = kind != "not_in_articles"
    said = WrittenSentence(payload, (1,), True, ()), WrittenSentence(payload, (9,), False, ("markup",))
    return Answer(
        id=f"{kind}-{number}",
        question=payload,
        standalone_question=f"{payload} then",
        outcome=kind,  # type: ignore[arg-type]  # three of the outcomes
        answered=answered,
        answerable=0.9,
        text=text if answered else "",
        short_answer=evidence[0].text[:40] if answered else None,
        citations=citations if answered else [],
        evidence=evidence,
        hits=[hit],
        generation=generation.id,
        as_of=article.published,  # type: ignore[arg-type]  # every article here has a date
        missing=(payload,) if kind == "partly" else (),
        written=Written(said, model=payload) if kind == "answered" else None,
        warnings=(payload,),
    )


def _quoted(article: Article) -> Sequence[tuple[int, int]]:
    """The paragraphs of an article."""
    return [(block.start, block.end) for block in article.blocks if block.kind == "paragraph"][:2]


def hostile_receipts(place: HostilePlace, kind: str, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """What a browser keeps of such answers."""
    answers = [hostile_answer(place.library.generation, number, kind) for number in numbers]
    filters = Filters(sources=("<b data-pwned>",)) if kind == "not_in_articles" else NO_FILTERS
    return [receipt_of(Exchange(turn, answer, filters)) for turn, answer in enumerate(answers, start=1)]


# ---------------------------------------------------------------- what comes alive

ON_THE_WATCH = """() => {
  addEventListener("securitypolicyviolation", (event) => console.error(`refused: ${event.blockedURI}`));
  window.open = (address) => { window.pwned = `open ${address}`; return null; };
}"""
# Addresses that run something, or that lead where no address of ours leads.
ALIVE = """(evil) => {
  const found = window.pwned ? [`window.pwned = ${window.pwned}`] : [];
  const addresses = [
    "href", "src", "srcset", "action", "formaction", "data", "ping", "poster", "background", "xlink:href",
  ];
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      const plain = value.replace(/[\\t\\n\\r]/g, "");
      const runs = addresses.includes(name) && /^\\s*(javascript|vbscript|data:text)/i.test(plain);
      const leads = addresses.includes(name) && value.includes(evil) && !element.matches("a[rel~=noopener]");
      const draws = name === "style" && value.includes("url(");
      if (name === "data-pwned" || name.startsWith("on") || runs || leads || draws) {
        found.push(element.outerHTML.slice(0, 120));
      }
    }
    if (element.matches("#pwned, .pwned, [name=footnote], iframe, object, embed, base[href*=evil], math")) {
      found.push(element.outerHTML.slice(0, 120));
    }
  }
  for (const one of ["#fn-panel", "#fn-words"]) {
    if (document.querySelectorAll(one).length > 1) found.push(`two of ${one}`);
  }
  return found;
}"""


@dataclass
class Watch:
    """A page under watch: `found` is everything that should not have happened."""

    page: "Page"
    own: str
    requests: int = 0
    found: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Search the page for what was made of a payload."""
        self.found += self.page.evaluate(f"evil => ({ALIVE})(evil)", EVIL)

    def asked(self, request: "Request") -> None:
        """Note a request to anywhere else."""
        self.requests += 1
        if not request.url.startswith((f"{self.own}/", "data:image/", "blob:")):
            self.found.append(f"request {request.url[:120]}")

    def spoken(self, dialog: "Dialog") -> None:
        """Note a dialog, and close it."""
        self.found.append(f"dialog {dialog.message}")
        dialog.dismiss()


@contextmanager
def watched(browser: "Browser", address: str, *, bypass_csp: bool, locale: str = "en-GB") -> "Iterator[Watch]":
    """Open a browser page in which nothing goes unnoticed: dialogs, windows, requests, errors, refusals of the CSP."""
    context: BrowserContext = browser.new_context(locale=locale, bypass_csp=bypass_csp, accept_downloads=True)
    context.add_init_script(f"({ON_THE_WATCH})()")
    page = context.new_page()
    watch = Watch(page, address)
    context.on("request", watch.asked)
    context.on("page", lambda other: watch.found.append(f"window {other.url}"))
    context.on("dialog", watch.spoken)
    page.on("pageerror", lambda error: watch.found.append(f"error {str(error)[:200]}"))
    page.on("console", lambda line: watch.found.append(f"console {line.text[:200]}") if line.type == "error" else None)
    try:
        yield watch
    finally:
        context.close()


def as_shown(text: str) -> str:
    """What a visitor reads of a text: a control character cannot be shown."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "\ufffd", text)
