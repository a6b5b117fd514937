"""Pages fetched from real servers on loopback, most of which mean no good."""

import ipaddress
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from indexer.errors import UnreadableFileError
from indexer.settings import Settings
from qa.fetching import FetchingDisabledError, MayReach, Page, Resolve, fetch, is_host, is_public
from tests.conftest import Tally
from tests.qa.page_server import PAGE, Site, page_server

OPEN = Settings(fetch_urls=True, fetch_private_addresses=True, max_file_mb=1)
PUBLIC_ONLY = OPEN.model_copy(update={"fetch_private_addresses": False})


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site for all tests."""
    with page_server() as served:
        yield served


def fetched(site: Site, path: str, settings: Settings = OPEN) -> Page:
    """What a path of the site gives."""
    return fetch(f"http://127.0.0.1:{site.port}/{path}", settings, timeout_s=5)


def reason_of(url: str, settings: Settings = OPEN, *, timeout_s: float = 5.0) -> str:
    """Why an address is refused."""
    with pytest.raises(UnreadableFileError) as refused:
        fetch(url, settings, timeout_s=timeout_s)
    assert refused.value.detail
    return refused.value.reason


def test_a_page_comes_as_it_is(site: Site) -> None:
    page = fetched(site, "page?a=b#part")
    assert page.body.decode() == PAGE
    assert (page.kind, page.charset) == ("text/html", "utf-8")
    assert page.url == f"http://127.0.0.1:{site.port}/page?a=b"
    line, headers = site.requests[-1]
    assert line == "GET /page?a=b HTTP/1.1"
    assert set(headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert headers["host"] == f"127.0.0.1:{site.port}"


def test_nothing_is_fetched_unless_it_is_allowed(site: Site) -> None:
    before = len(site.requests)
    with pytest.raises(FetchingDisabledError, match="fetch_urls"):
        fetched(site, "page", Settings())
    assert reason_of(f"http://127.0.0.1:{site.port}/page", PUBLIC_ONLY) == "address"
    assert len(site.requests) == before


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("nothing", "bad_status"),
        ("500", "bad_status"),
        ("204", "bad_status"),
        ("no-location", "bad_status"),
        ("pdf", "unsupported"),
        ("no-kind", "unsupported"),
        ("brotli", "unsupported"),
        ("flood", "too_large"),
        ("ten-gigabytes", "too_large"),
        ("bomb", "too_large"),
        ("bad-gzip", "unreachable"),
        ("says-too-much", "unreachable"),
        ("no-http", "unreachable"),
        ("round", "address"),
        ("to/file:__etc_passwd", "address"),
        ("to/gopher:__127.0.0.1_", "address"),
        ("to/http:__user:password@127.0.0.1_", "address"),
        ("to/http:__[", "address"),
    ],
)
def test_what_is_no_article_is_refused(site: Site, path: str, reason: str) -> None:
    assert reason_of(f"http://127.0.0.1:{site.port}/{path}") == reason


@pytest.mark.parametrize("path", ["drip", "drip-headers", "hang"])
def test_the_deadline_holds_whatever_the_server_does(site: Site, path: str) -> None:
    start = time.monotonic()
    assert reason_of(f"http://127.0.0.1:{site.port}/{path}", timeout_s=0.6) == "timeout"
    assert time.monotonic() - start < 2


def test_a_look_up_that_hangs_is_left_behind() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        time.sleep(3)
        return ["127.0.0.1"]

    start = time.monotonic()
    with pytest.raises(UnreadableFileError) as refused:
        fetch("http://slow.example/", OPEN, timeout_s=0.2, resolve=resolve)
    assert refused.value.reason == "timeout"
    assert time.monotonic() - start < 2


def test_five_redirects_are_followed_and_six_are_not(site: Site) -> None:
    assert fetched(site, "hops/4").url.endswith("/page")
    assert reason_of(f"http://127.0.0.1:{site.port}/hops/5") == "address"


def test_compressed_pages_are_unpacked(site: Site) -> None:
    assert fetched(site, "gzip").body.decode() == PAGE


# Where a connection may go


def only(allowed: str) -> MayReach:
    """A rule that takes one address for a public one, whatever its port."""
    return lambda address, port: str(address) == allowed


def test_a_redirect_inside_is_refused_before_anything_is_sent(site: Site) -> None:
    """127.0.0.1 stands for a public address here, and 127.0.0.2 for a private one."""
    may_reach = only("127.0.0.1")
    with page_server("127.0.0.2") as inner:
        inside = f"http:__127.0.0.2:{inner.port}_page"
        for path in (f"to/{inside}", f"to/_to_{inside}", f"to/__127.0.0.2:{inner.port}_page"):
            with pytest.raises(UnreadableFileError) as refused:
                fetch(f"http://127.0.0.1:{site.port}/{path}", PUBLIC_ONLY, may_reach=may_reach)
            assert refused.value.reason == "address"
        assert inner.requests == []


def test_a_name_is_looked_up_once_and_the_connection_goes_where_that_led(site: Site) -> None:
    """The name leads to a public address when it is checked, and inside from then on."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]])
    may_reach = only("127.0.0.1")

    async def resolve(host: str, port: int) -> Sequence[str]:
        assert host == "rebinding.example"
        return next(answers)

    with page_server("127.0.0.2", port=site.port) as inner:
        page = fetch(f"http://rebinding.example:{site.port}/page", PUBLIC_ONLY, resolve=resolve, may_reach=may_reach)
        assert inner.requests == []
    assert page.url == f"http://rebinding.example:{site.port}/page"
    assert site.requests[-1][1]["host"] == f"rebinding.example:{site.port}"


def test_one_private_address_among_public_ones_is_enough(site: Site) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1", "127.0.0.2"]

    before = len(site.requests)
    may_reach = only("127.0.0.1")
    with pytest.raises(UnreadableFileError) as refused:
        fetch(f"http://two.example:{site.port}/page", PUBLIC_ONLY, resolve=resolve, may_reach=may_reach)
    assert refused.value.reason == "address"
    assert len(site.requests) == before


def test_the_next_address_is_tried_when_one_is_dead(site: Site) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.9", "127.0.0.1"]

    assert fetch(f"http://two.example:{site.port}/page", OPEN, resolve=resolve).kind == "text/html"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[fc00::1]",
        "[fec0::1]",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.0.8",
        "198.18.0.1",
        "203.0.113.7",
        "[2001:db8::1]",
        "[2001::7f00:1]",
    ],
)
def test_no_form_of_a_private_address_gets_through(site: Site, host: str) -> None:
    before = len(site.requests)
    for port in (80, site.port):
        # Named directly, and by a name that leads there.
        for name in (host, "inside.example"):
            with pytest.raises(UnreadableFileError) as refused:
                fetch(f"http://{name}:{port}/page", PUBLIC_ONLY, resolve=numbers(host.strip("[]")), timeout_s=5)
            assert refused.value.reason == "address"
    assert len(site.requests) == before


def numbers(host: str) -> Resolve:
    """Look up as the system reads numbers, which asks nobody."""

    async def resolve(name: str, port: int) -> Sequence[str]:
        if ":" in host or host == "localhost":
            return ["127.0.0.1" if host == "localhost" else host]
        return [socket.inet_ntoa(socket.inet_aton(host))]

    return resolve


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/a",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://",
        "http:///page",
        "http://user@example.org/",
        "http://user:password@example.org/",
        "http://exa\\mple.org/",
        "http://a\nb/",
        "http://[::1%25eth0]/",
        "http://[",
        "http://example.org:0/",
        "http://example.org:99999/",
        f"http://example.org/{'a' * 3000}",
        "",
        "no address",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    assert reason_of(url) == "address"


@pytest.mark.parametrize(
    ("address", "port", "public", "host"),
    [
        ("93.184.216.34", 443, True, True),
        ("93.184.216.34", 22, False, True),
        ("2606:2800:220:1::1", 80, True, True),
        ("::ffff:93.184.216.34", 80, True, True),
        ("64:ff9b::5db8:d822", 80, True, True),
        ("::ffff:10.0.0.1", 80, False, True),
        ("64:ff9b::a00:1", 80, False, True),
        ("10.0.0.1", 80, False, True),
        ("127.0.0.1", 80, False, True),
        ("169.254.169.254", 80, False, False),
        ("::ffff:169.254.169.254", 80, False, False),
        ("fe80::1", 80, False, False),
        ("0.0.0.0", 80, False, False),
        ("224.0.0.1", 80, False, False),
        ("ff02::1", 80, False, False),
    ],
)
def test_which_addresses_are_public(address: str, port: int, public: bool, host: bool) -> None:
    parsed = ipaddress.ip_address(address)
    assert is_public(parsed, port) is public
    assert is_host(parsed, port) is host


# Sixty ways to a machine that only we can reach; `{port}` is where it listens

INSIDE = (
    "http://127.0.0.1:{port}/", "https://127.0.0.1:{port}/", "http://127.0.0.1/", "http://127.1:{port}/",
    "http://127.0.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0x7f.0.0.1:{port}/",
    "http://0x7f.1:{port}/", "http://0177.0.0.1:{port}/", "http://017700000001:{port}/", "http://0177.1:{port}/",
    "http://127.0.0.1.:{port}/", "http://127.255.255.254:{port}/", "http://0:{port}/", "http://0.0.0.0:{port}/",
    "http://localhost:{port}/", "http://LOCALHOST:{port}/", "http://localhost.:{port}/", "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/", "http://[::]:{port}/", "http://[::127.0.0.1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[2002:7f00:1::]:{port}/", "http://[2001::7f00:1]:{port}/", "http://[fe80::1]:{port}/",
    "http://[fc00::1]:{port}/", "http://[fec0::1]:{port}/", "http://[::ffff:169.254.169.254]/",
    "http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://0xA9FEA9FE/", "http://100.64.0.1/",
    "http://100.127.255.254/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/", "http://198.18.0.1/",
    "http://192.0.0.8/", "http://224.0.0.1/", "http://240.0.0.1/", "http://255.255.255.255/", "http://192.88.99.1/",
    "http://user@127.0.0.1:{port}/", "http://user:password@127.0.0.1:{port}/", "http://93.184.216.34@127.0.0.1:{port}/",
    "http://93.184.216.34:80@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@93.184.216.34/",
    "http://93.184.216.34\\@127.0.0.1:{port}/", "http:\\\\127.0.0.1:{port}\\", "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://127。0。0。1:{port}/", "http://①②⑦.⓪.⓪.①:{port}/",
    "http://１２７.0.0.1:{port}/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/", "http://127%2e0%2e0%2e1:{port}/",
    "http://127.0.0.1%00.example:{port}/", "http://127.0.0.1\t:{port}/", "http://\u200b127.0.0.1:{port}/",
    "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "gopher://127.0.0.1:{port}/_GET", "ftp://127.0.0.1:{port}/",
    "dict://127.0.0.1:{port}/", "jar:http://127.0.0.1:{port}/!/", "view-source:http://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock", "data:text/html,<p>{port}", "javascript:fetch({port})",
)  # fmt: skip


async def as_the_system_does(name: str, port: int) -> Sequence[str]:
    """Look up numbers and this machine's own name as the system reads them; no other name is known."""
    if name.rstrip(".").lower() == "localhost" or ":" in name:
        return ["127.0.0.1" if ":" not in name else name.strip("[]")]
    return [socket.inet_ntoa(socket.inet_aton(name.rstrip(".")))]


def test_nobody_gets_inside(tally: Tally) -> None:
    """None of these addresses leads to a connection to this machine, by itself or by a redirect from a public one."""
    with page_server() as canary:
        for url in INSIDE:
            with pytest.raises(UnreadableFileError):
                fetch(url.format(port=canary.port), PUBLIC_ONLY, resolve=as_the_system_does, timeout_s=5)
    # Here 127.0.0.1 stands for a public address.
    may_reach = only("127.0.0.1")
    with page_server() as site, page_server("127.0.0.2") as inner:
        onward = [url.replace("127.0.0.1", "127.0.0.2") for url in INSIDE if "127.0.0.1" in url and "%" not in url]
        for url in onward:
            target = url.format(port=inner.port).replace("/", "_")
            with pytest.raises(UnreadableFileError):
                fetch(
                    f"http://127.0.0.1:{site.port}/to/{quote(target, safe=':@[]_')}",
                    PUBLIC_ONLY, resolve=as_the_system_does, may_reach=may_reach, timeout_s=5,
                )  # fmt: skip
        assert site.connections >= len(onward)
    assert (canary.connections, inner.connections) == (0, 0)
    tally("addresses that lead inside", tried=len(INSIDE), by_redirect=len(onward), connections=0)


def test_the_canary_would_notice() -> None:
    with page_server() as canary:
        assert fetch(f"http://127.0.0.1:{canary.port}/page", OPEN).kind == "text/html"
    assert canary.connections == 1


# Encrypted


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_the_certificate_must_be_for_the_name(tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=news.example"
    command += " -addext subjectAltName=DNS:news.example -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    trusting = ssl.create_default_context(cafile=tmp_path / "cert.pem")

    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    with page_server(tls=served) as site:
        url = f"https://news.example:{site.port}/page"
        assert fetch(url, OPEN, resolve=resolve, trust=trusting).body.decode() == PAGE
        for address, trust in (
            (url, None),
            (url.replace("news", "other"), trusting),
            (f"https://127.0.0.1:{site.port}/", trusting),
        ):
            with pytest.raises(UnreadableFileError) as refused:
                fetch(address, OPEN, resolve=resolve, trust=trust)
            assert refused.value.reason == "unreachable"
