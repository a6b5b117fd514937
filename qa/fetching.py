"""One page of the web, fetched within one deadline, one size and the addresses we mean to reach.

Whoever gives an address could mean a machine that only we can reach: so each name is looked up once, every address it
has is checked, and the connection goes to one that was checked. The same at every redirect.
"""

import asyncio
import ipaddress
import queue
import socket
import ssl
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache

import httpx2

from indexer import __version__
from indexer.errors import UnreadableFileError, UsageError
from indexer.settings import Settings

FETCH_SECONDS = 20.0
# How much longer than the deadline the caller waits for the connection to be closed.
GRACE_S = 0.5
MAX_REDIRECTS = 5
MAX_TRIED = 4
PORTS = frozenset({80, 443})
KINDS = frozenset({"text/html", "application/xhtml+xml", "text/markdown", "text/x-markdown", "text/plain"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HEADERS = {
    "User-Agent": f"Footnote/{__version__}",
    "Accept": "text/html, application/xhtml+xml, text/markdown, text/plain;q=0.5",
    # Compressed, a page of a few bytes could be one of gigabytes.
    "Accept-Encoding": "identity",
    "Connection": "close",
}
MAX_URL_CHARS = 2000
# Ranges among the public ones that lead back inside, through a tunnel, or nowhere; older Pythons do not know them all.
RESERVED = ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
NOT_PUBLIC = [ipaddress.ip_network(text) for text in RESERVED]
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
MayReach = Callable[[Address, int], bool]


class FetchingDisabledError(UsageError):
    """The operator has not allowed pages to be fetched."""

    code = "fetching_disabled"


@dataclass(frozen=True, slots=True)
class Page:
    """What an address gave: `url` is where the last redirect led, `kind` one of KINDS, `body` uncompressed."""

    url: str
    kind: str
    charset: str | None
    body: bytes


def is_public(address: Address, port: int) -> bool:
    """Whether anybody on the internet could reach it as well: what we may fetch for anybody."""
    address = _embedded(address)
    if port not in PORTS or any(address in network for network in NOT_PUBLIC):
        return False
    if address.version == 6:
        return address in GLOBAL_UNICAST
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_host(address: Address, port: int) -> bool:
    """Whether it is a machine at all, private ones included; link-local ones answer for the network, not as a site."""
    address = _embedded(address)
    return not (address.is_link_local or address.is_multicast or address.is_unspecified)


def _embedded(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one that only wraps it (RFC 4291 §2.5.5.2, RFC 6052)."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


async def look_up(host: str, port: int) -> Sequence[str]:
    """Return every address of a name, in the system's order; raises OSError when there is none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def require_fetching(settings: Settings) -> None:
    """Raise FetchingDisabledError unless the operator lets pages be fetched."""
    if not settings.fetch_urls:
        raise FetchingDisabledError(
            "Fetching pages from the web is switched off.",
            advice="Set `fetch_urls = true`, or save the page as a file.",
        )


def fetch(
    url: str,
    settings: Settings,
    *,
    timeout_s: float = FETCH_SECONDS,
    resolve: Resolve = look_up,
    may_reach: MayReach | None = None,
    trust: ssl.SSLContext | None = None,
) -> Page:
    """Fetch a page as the settings allow it.

    Raises FetchingDisabledError; and UnreadableFileError with the reason address (of an address that is none, or that
    we may not reach), unreachable, timeout, bad_status, unsupported or too_large, at the deadline at the latest.
    """
    require_fetching(settings)
    allowed = may_reach or (is_host if settings.fetch_private_addresses else is_public)
    fetcher = _Fetcher(resolve, allowed, trust, settings.max_file_mb * 2**20)
    outcome: queue.SimpleQueue[Page | UnreadableFileError] = queue.SimpleQueue()
    # An event loop of its own: cancelling is the only way to stop a server that sends a byte now and then. A thread:
    # a look-up that hangs can only be left behind.
    work = threading.Thread(
        target=lambda: outcome.put(_run(fetcher, url, timeout_s)), name="footnote-fetch", daemon=True
    )
    work.start()
    try:
        result = outcome.get(timeout=timeout_s + GRACE_S)
    except queue.Empty:
        result = _timed_out(timeout_s)
    if isinstance(result, UnreadableFileError):
        raise result
    return result


def _run(fetcher: "_Fetcher", url: str, timeout_s: float) -> Page | UnreadableFileError:
    async def within_deadline() -> Page:
        async with asyncio.timeout(timeout_s):
            return await fetcher.fetch(url)

    try:
        return asyncio.run(within_deadline())
    except UnreadableFileError as error:
        return error
    except TimeoutError:
        return _timed_out(timeout_s)
    except Exception as error:
        # The server is not ours: what it sends may upset any layer below.
        return UnreadableFileError("unreachable", f"The server's reply could not be read ({type(error).__name__}).")


def _timed_out(timeout_s: float) -> UnreadableFileError:
    return UnreadableFileError("timeout", f"The page did not come within {timeout_s:g} seconds.")


@dataclass(frozen=True, slots=True)
class _Fetcher:
    resolve: Resolve
    may_reach: MayReach
    trust: ssl.SSLContext | None
    max_bytes: int

    async def fetch(self, url: str) -> Page:
        """Follow redirects to a page."""
        place = _parse(url)
        for _ in range(MAX_REDIRECTS + 1):
            found = await self._get(place)
            if isinstance(found, Page):
                return found
            place = found
        raise UnreadableFileError("address", f"The address leads on more than {MAX_REDIRECTS} times.")

    async def _get(self, url: httpx2.URL) -> Page | httpx2.URL:
        """Ask the first address that can be connected to; a new client each time carries no cookies along."""
        for address in await self._addresses(url):
            transport = httpx2.AsyncHTTPTransport(verify=self.trust or _usual_trust(), trust_env=False)
            async with httpx2.AsyncClient(
                transport=transport, trust_env=False, follow_redirects=False, timeout=None
            ) as client:
                request = client.build_request(
                    "GET",
                    url.copy_with(host=address),
                    headers={**HEADERS, "Host": url.netloc.decode("ascii")},
                    # The certificate must still be for the name.
                    extensions={"sni_hostname": url.raw_host.decode("ascii")},
                )
                try:
                    response = await client.send(request, stream=True)
                except httpx2.ConnectError:
                    continue
                except httpx2.TransportError as error:
                    raise UnreadableFileError("unreachable", "The server hung up, or does not speak HTTP.") from error
                try:
                    return await self._read(url, response)
                finally:
                    await response.aclose()
        raise UnreadableFileError("unreachable", f"{url.host} cannot be connected to, or cannot prove who it is.")

    async def _addresses(self, url: httpx2.URL) -> Sequence[str]:
        """Look the host up, once; one address that we may not reach is enough to refuse them all."""
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = list(dict.fromkeys(await self.resolve(url.raw_host.decode("ascii"), port)))
            checked = [self.may_reach(ipaddress.ip_address(address), port) for address in found]
        except (OSError, UnicodeError, ValueError) as error:
            raise UnreadableFileError("unreachable", f"There is no machine called {url.host}.") from error
        if not all(checked):
            raise UnreadableFileError("address", f"{url.host} is not an address of the public web.")
        return found[:MAX_TRIED]

    async def _read(self, url: httpx2.URL, response: httpx2.Response) -> Page | httpx2.URL:
        """Return the page, or the address that the server sends us on to."""
        if response.status_code in REDIRECTS and "location" in response.headers:
            return _parse(response.headers["location"], url)
        if response.status_code != 200:
            raise UnreadableFileError("bad_status", f"The server answered with status {response.status_code}.")
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in KINDS:
            raise UnreadableFileError("unsupported", f"The address gives {kind[:60] or 'nothing known'}, no article.")
        try:
            body = await _capped(response, self.max_bytes)
        except (httpx2.TransportError, httpx2.StreamError, zlib.error) as error:
            raise UnreadableFileError("unreachable", "The page broke off, or is damaged.") from error
        return Page(str(url), kind, response.charset_encoding, body)


@cache
def _usual_trust() -> ssl.SSLContext:
    """The certificates that this machine trusts; read once, since it takes a while."""
    return httpx2.create_ssl_context(trust_env=False)


def _parse(url: str, base: httpx2.URL | None = None) -> httpx2.URL:
    """Read an address the way it will be connected to; there is no other reader that could see it otherwise."""
    try:
        parsed = base.join(url.strip()) if base else httpx2.URL(url.strip())
        if _is_web(parsed):
            return parsed.copy_with(fragment=None)
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        # Said below.
        pass
    raise UnreadableFileError("address", "This is no address of a web page: it begins with http:// or https://.")


def _is_web(url: httpx2.URL) -> bool:
    host = url.raw_host.decode("ascii")
    has_host = bool(host) and not any(mark in host for mark in "\\%@ ")
    has_port = url.port is None or 0 < url.port < 2**16
    return (
        url.scheme in ("http", "https")
        and has_host
        and has_port
        and not url.userinfo
        and len(str(url)) <= MAX_URL_CHARS
    )


async def _capped(response: httpx2.Response, limit: int) -> bytes:
    """Read the body, uncompressed if need be, and stop at the first byte too many."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise UnreadableFileError("unsupported", "The page is compressed in a way we did not ask for.")
    pieces: list[bytes] = []
    size = 0
    async for piece in _plain(response, packed=encoding not in ("identity", ""), limit=limit):
        size += len(piece)
        if size > limit:
            raise UnreadableFileError("too_large", f"The page is larger than {limit // 2**20} MiB.")
        pieces.append(piece)
    return b"".join(pieces)


async def _plain(response: httpx2.Response, *, packed: bool, limit: int) -> AsyncIterator[bytes]:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    async for piece in response.aiter_raw():
        # A byte more than may come in all: enough to see that it is too much.
        yield unpacker.decompress(piece, limit + 1) if packed else piece
