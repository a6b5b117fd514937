"""Names that lead out of the corpus: sixty of them, at every place that takes a name. Nothing is read or written there.

They go over plain sockets, since HTTP clients tidy paths up before they send them.
"""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from indexer.build import build
from indexer.embedding import SentenceTransformerEmbedder
from indexer.settings import Settings
from qa import uploads
from tests.conftest import Tally
from tests.qa.conftest import CORPUS, write_corpus
from tests.ui.conftest import serving_page

CANARY = "CANARY-5f1c9a: this stands outside of the corpus."
OUTSIDE = "outside.md"
TEXT = "A new article about the sea, which anybody may add to the corpus and ask about."


def names(root: Path) -> list[str]:
    """Sixty names that lead outside, or would if someone decoded, joined or tidied them up."""
    up, absolute = f"../{OUTSIDE}", str(root / OUTSIDE)
    climbing = [up, f"../../{root.name}/{OUTSIDE}", f"./../{OUTSIDE}", f"roads/../../{OUTSIDE}", f"roads/../{up}"]
    climbing += [f"x/{up}", f".//{up}", f"..//{OUTSIDE}", f"{'../' * 40}{absolute[1:]}", f"ferries.md/../{up}"]
    rooted = [absolute, f"/{absolute}", f"file://{absolute}", f"file:{absolute}", f"//localhost{absolute}"]
    rooted += ["/etc/passwd", "/proc/self/environ", "/proc/self/cwd/README.md", "~/.ssh/id_rsa.md", "/dev/stdin.md"]
    windows = [f"..\\{OUTSIDE}", f"..\\..\\{OUTSIDE}", f"C:\\{OUTSIDE}", f"C:{OUTSIDE}", f"\\\\host\\share\\{OUTSIDE}"]
    windows += [f"\\\\?\\C:\\{OUTSIDE}", f"roads\\..\\..\\{OUTSIDE}", "CON.md", "NUL.md", f"{OUTSIDE}::$DATA"]
    encoded = [quote(up, safe=""), quote(quote(up, safe=""), safe=""), f"%2e%2e/{OUTSIDE}", f"..%2f{OUTSIDE}"]
    encoded += [f"..%5c{OUTSIDE}", f"%252e%252e%252f{OUTSIDE}", f"..%c0%af{OUTSIDE}", f"..%e0%80%af{OUTSIDE}"]
    encoded += [f"..%u2215{OUTSIDE}", f"&#46;&#46;&#47;{OUTSIDE}", f"..;/{OUTSIDE}", f"....//{OUTSIDE}"]
    unicode = [f"\uff0e\uff0e/{OUTSIDE}", f"..\u2215{OUTSIDE}", f"..\u2044{OUTSIDE}", f"\u2025/{OUTSIDE}"]
    unicode += [f"..\uff0f{OUTSIDE}", f"..\u200b/{OUTSIDE}", f"\u202e{OUTSIDE}/..", f"..\x00/{OUTSIDE}"]
    ends = [f"{OUTSIDE}\x00.md", f"{up}\x00", f"{up}.", f"{up} ", f"{up}/", f"{up}/.", f"..\n/{OUTSIDE}"]
    hidden = [".env.md", ".trash/x.md", "..", ".", "roads/..", "../corpus-evil/x.md", "link.md", "linked/outside.md"]
    return [*climbing, *rooted, *windows, *encoded, *unicode, *ends, *hidden, "", "a" * 300 + ".md", "$(id).md"]


@dataclass(frozen=True, slots=True)
class Ground:
    """A served corpus with things beside it that nobody may see or touch."""

    root: Path
    settings: Settings
    host: str

    def send(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
        """Send a request as it is written; one that cannot even be written is refused here."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.putrequest(method, path, skip_accept_encoding=True)
        if kind:
            connection.putheader("Content-Type", kind)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        return reply.status, content


@pytest.fixture(scope="module")
def ground(embedder: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    root = tmp_path_factory.mktemp("ground")
    settings = lay_out(root)
    build(settings, embedder)
    with serving_page(settings, root / "tmp") as address:
        yield Ground(root, settings, address.removeprefix("http://"))


def lay_out(root: Path) -> Settings:
    """A corpus, and beside and hidden in it what is nobody's business."""
    write_corpus(root / "corpus", CORPUS)
    write_corpus(root, {OUTSIDE: CANARY, "corpus-evil/x.md": CANARY, "corpus/.env.md": CANARY})
    (root / "corpus/link.md").symlink_to(root / OUTSIDE)
    (root / "corpus/linked").symlink_to(root)
    return Settings(corpus=root / "corpus", index=root / "index")


def outside(root: Path) -> dict[str, bytes]:
    """Everything that lies outside of the corpus and is not the server's own, and what is hidden in it."""
    own = (root / "corpus", root / "index", root / "tmp")
    found = {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and not any(path.is_relative_to(folder) for folder in own)
    }
    del found["tmp.log"]
    return found | {name: (root / "corpus" / name).read_bytes() for name in (".env.md", "link.md")}


def articles(corpus: Path) -> set[str]:
    """The files of the corpus that a build would read."""
    paths = (path for path in corpus.rglob("*") if path.is_file() and not path.is_symlink())
    return {name for path in paths if not (name := path.relative_to(corpus).as_posix()).startswith(".")}


def spellings(name: str) -> list[str]:
    """A name as it may stand in a path: encoded once, with its slashes, and as it is."""
    written = [quote(name, safe=""), quote(name, safe="/:.&;=$~")]
    plain = name.isascii() and name.isprintable() and not set(name) & set(" ?#")
    return list(dict.fromkeys([*written, name] if plain else written))


PATHS = (
    ("GET", "/v1/articles/{}"),
    ("GET", "/v1/articles/{}/passages"),
    ("DELETE", "/v1/articles/{}"),
    ("GET", "/articles/{}"),
    ("GET", "/articles/{}?start=0&end=9"),
    ("GET", "/v1/jobs/{}"),
    ("GET", "/ui/gradio_api/file={}"),
    ("GET", "/ui/gradio_api/file/{}"),
    ("GET", "/ui/file={}"),
    ("GET", "/ui/assets/{}"),
    ("GET", "/ui/static/{}"),
    ("GET", "/ui/gradio_api/proxy={}"),
    ("GET", "/ui/gradio_api/custom_component/x/client/component/{}"),
    ("GET", "/ui/gradio_api/stream/{}"),
    ("GET", "/{}"),
)


def test_no_path_leads_out(ground: Ground, tally: Tally) -> None:
    before, held, tried = outside(ground.root), articles(ground.settings.corpus), 0
    bad = []
    for name in names(ground.root):
        for method, path in PATHS:
            for spelled in spellings(name):
                status, content = ground.send(method, path.format(spelled))
                tried += 1
                told = b"CANARY" in content or b"root:x:" in content or b"PATH=" in content
                # Gradio stumbles over names that no file can have: it reads nothing and says nothing.
                failed = status >= 500 and not path.startswith("/ui/")
                # A name that says nothing gives the list, the page or its redirect.
                if told or failed or (status < 400 and name.strip("./")):
                    bad.append((method, path.format(spelled), status))
    assert bad == []
    assert outside(ground.root) == before
    assert articles(ground.settings.corpus) == held
    tally("names that lead out, in paths", names=len(names(ground.root)), requests=tried, bad=0)


def test_no_body_leads_out(ground: Ground, tally: Tally) -> None:
    before, tried, bad = outside(ground.root), 0, []
    quotation = {"cited_text": "CANARY", "start_char_index": 0, "end_char_index": 6}
    for number, name in enumerate(names(ground.root)):
        text = f"{TEXT} It is number {number}."
        sent = [
            ("/v1/articles", {"name": name, "text": text}),
            ("/v1/articles", {"title": name, "text": text + " Pasted."}),
            ("/v1/verify", {"article_id": name, **quotation}),
            ("/v1/articles/restore", {"trash_id": name}),
            ("/v1/answer", {"question": "What is outside?", "filters": {"article_ids": [name or "x"]}}),
        ]
        replies = [(path, *ground.send("POST", path, json.dumps(body).encode(), JSON)) for path, body in sent]
        for path in ("/v1/articles", "/ui/gradio_api/upload"):
            replies.append((path, *ground.send("POST", path, multipart(name, f"{text} Sent."), MULTIPART)))
        tried += len(replies)
        bad += [(path, name, status) for path, status, content in replies if status >= 500 or b"5f1c9a" in content]
        verdict = json.loads(replies[2][2])
        assert verdict.get("verdict", "missing") == "missing", name
    assert bad == []
    assert outside(ground.root) == before
    stored = articles(ground.settings.corpus) - set(CORPUS)
    assert stored, "nothing was added at all"
    for name in stored:
        assert not set(name) & set("/\\\0\n\u202e\u200b"), name
        assert name.isprintable(), name
        assert not name.startswith("."), name
    uploaded = [path for path in (ground.root / "tmp").rglob("*") if path.is_file()]
    assert all(b"CANARY" not in path.read_bytes() for path in uploaded)
    tally("names that lead out, in bodies", names=len(names(ground.root)), requests=tried, stored=len(stored), bad=0)


JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=edge"


def multipart(name: str, text: str) -> bytes:
    """One file under that name, quoted as browsers do it."""
    quoted = name.replace('"', "%22").replace("\n", "%0A").replace("\0", "")
    head = f'--edge\r\nContent-Disposition: form-data; name="files"; filename="{quoted}"\r\n\r\n'
    return f"{head}{text}\r\n--edge--\r\n".encode()


def test_without_clean_names_it_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = lay_out(tmp_path)
    (tmp_path / "tmp.log").touch()
    before = outside(tmp_path)
    assert uploads.add_file(settings.corpus, "../new.md", TEXT.encode(), max_bytes=1000).article_id == "new.md"
    assert outside(tmp_path) == before
    monkeypatch.setattr(uploads, "clean_name", lambda name: name)
    monkeypatch.setattr(uploads, "_find", lambda corpus, name: None)
    uploads.add_file(settings.corpus, "../evil.md", TEXT.encode(), max_bytes=1000)
    assert set(outside(tmp_path)) - set(before) == {"evil.md"}


def test_there_are_sixty(tmp_path: Path) -> None:
    assert len(set(names(tmp_path))) >= 60
