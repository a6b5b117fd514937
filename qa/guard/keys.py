"""Who may ask and who may change: two keys, one header, and a limit on guessing."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import Scope

from indexer.settings import Settings
from qa.guard.hosts import DATA, SAFE_METHODS
from qa.guard.refusal import Refusal

Role = Literal["read", "admin"]

# What asks for nothing but whether the server lives.
OPEN = frozenset({"/healthz", "/readyz"})
# What the read key may send; everything else that is not a mere look changes something, also what is added later.
ASKING = frozenset({"/v1/answer", "/v1/search", "/v1/verify", "/v1/feedback"})
GRADIO = "/gradio_api/"

FAILURES = 10
FAILURE_SECONDS = 60.0
ADDRESSES = 10_000

ADMIN_ONLY = Refusal(403, "admin_only", "This key may read and ask; only the admin key may change anything.")
SEVERAL = Refusal(400, "several_keys", "Send one Authorization header.")


class Keyring:
    """The keys of the settings, as hashes. Without any key everybody may do everything."""

    def __init__(self, settings: Settings) -> None:
        admin, read = settings.admin_key, settings.api_key
        self.is_needed = bool(admin or read)
        self._admin, self._read = _stored(admin), _stored(read)
        # One key alone does everything: there is nobody to be kept from it.
        self._reader: Role = "read" if admin else "admin"

    def role_of(self, key: str) -> Role | None:
        """Return what a key allows; takes as long for a wrong one."""
        given = _digest(key)
        is_admin, is_reader = hmac.compare_digest(given, self._admin), hmac.compare_digest(given, self._read)
        return "admin" if is_admin else self._reader if is_reader else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _stored(key: SecretStr | None) -> bytes:
    # Where there is no key, one that nobody knows.
    return _digest(key.get_secret_value()) if key else secrets.token_bytes(32)


def key_in(authorization: str) -> str | None:
    """Return the key of an Authorization header: `Bearer KEY`, or `Basic` with the key as password."""
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
    return None


class Failures:
    """Wrong keys by address, in windows of a minute; the table forgets the oldest when it is full."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def wait_s(self, address: str) -> int:
        """Return for how many seconds an address may not try again; 0: it may."""
        start, count = self._seen.get(_network(address), (0.0, 0))
        left = start + FAILURE_SECONDS - self._clock()
        return math.ceil(left) if count >= FAILURES and left > 0 else 0

    def note(self, address: str) -> None:
        """Remember a wrong key."""
        network, now = _network(address), self._clock()
        start, count = self._seen.get(network, (now, 0))
        if now - start >= FAILURE_SECONDS:
            start, count = now, 0
        self._seen[network] = (start, count + 1)
        self._seen.move_to_end(network)
        while len(self._seen) > ADDRESSES:
            self._seen.popitem(last=False)


def _network(address: str) -> str:
    """Return who counts as one: an IPv4 address, or the network that one IPv6 subscriber gets."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)


class Doorkeeper:
    """Finds out what a request may do."""

    def __init__(self, settings: Settings) -> None:
        self._keys = Keyring(settings)
        self._failures = Failures()

    @property
    def asks_for_keys(self) -> bool:
        """Whether there is any key."""
        return self._keys.is_needed

    def admit(self, scope: Scope, headers: Headers) -> Role | Refusal | None:
        """Return what the request may do, or why nothing; None on an open path without a key."""
        if not self._keys.is_needed:
            return "admin"
        path, given = scope["path"], headers.getlist("authorization")
        if not given and path in OPEN:
            return None
        address = (scope.get("client") or ("", 0))[0]
        if wait := self._failures.wait_s(address):
            return Refusal(429, "too_many_failures", "Too many wrong keys.", (("retry-after", str(wait)),))
        if not given:
            # A browser asks without a key first: that is no guess.
            return Refusal(401, "key_missing", "This server asks for a key.", _challenge(path, headers))
        key = key_in(given[0]) if len(given) == 1 else None
        role = self._keys.role_of(key) if key is not None else None
        if role is None:
            self._failures.note(address)
            return SEVERAL if len(given) > 1 else _wrong(path, headers)
        return role if role == "admin" or may_read(scope["method"], path) else ADMIN_ONLY


def may_read(method: str, path: str) -> bool:
    """Whether a request is within what the read key allows."""
    return method in SAFE_METHODS or (method == "POST" and (path in ASKING or GRADIO in path))


def _wrong(path: str, headers: Headers) -> Refusal:
    return Refusal(401, "key_wrong", "This is not a key of this server.", _challenge(path, headers))


def _challenge(path: str, headers: Headers) -> tuple[tuple[str, str], ...]:
    """Name the way to send the key: to a browser, also one that fetches data for our page, the one it can ask for."""
    is_browser = not path.startswith(DATA) or "sec-fetch-site" in headers
    way = 'Basic realm="Footnote", charset="UTF-8"' if is_browser else 'Bearer realm="Footnote"'
    return (("www-authenticate", way),)
