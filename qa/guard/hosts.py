"""Under which names this server answers, and from whose pages: never taken from the request."""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

from indexer.errors import SettingsError
from indexer.settings import Settings
from qa.guard.refusal import Refusal

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DATA = "/v1/"
# Bound to, they mean every address; as a name in a request they mean nothing good.
WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # nosec B104  # nothing is bound here
CROSS_ORIGIN = Refusal(403, "cross_origin", "Requests from other sites are refused.")


def check_host(settings: Settings) -> None:
    """Refuse to serve beyond this machine without a key that keeps strangers out; raises SettingsError."""
    if settings.api_key or settings.admin_key:
        return
    try:
        local = settings.host == "localhost" or ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise SettingsError(
            f"Setting 'host' is {settings.host!r}, which other machines can reach, and there is no key.",
            advice="Set FOOTNOTE_API_KEY or `api_key_file` first, or use 127.0.0.1 and an SSH tunnel.",
        )


def own_hosts(settings: Settings, scope: Scope) -> Sequence[str]:
    """Return the names this server answers to, the usual one first, without those of `allowed_hosts`."""
    # Port 0 means that the system chose: the socket knows.
    port = settings.port or (scope.get("server") or ("", 0))[1]
    own = settings.host.lower()
    names = ["127.0.0.1", "localhost"]
    if own not in WILDCARDS:
        names.append(f"[{ipaddress.ip_address(own)}]" if ":" in own else own)
    hosts = [f"{name}:{port}" for name in dict.fromkeys(names)]
    # Browsers leave out the port that goes without saying.
    return hosts + names if port == 80 else hosts


def refuse_stranger(scope: Scope, headers: Headers, settings: Settings) -> Refusal | None:
    """Say why a request may not pass by the name it asks for or the page it comes from; None: it may."""
    own, allowed = own_hosts(settings, scope), settings.allowed_hosts
    hosts = {*own, *allowed}
    named = headers.getlist("host")
    forwarded = [name.strip() for line in headers.getlist("x-forwarded-host") for name in line.split(",")]
    # Gradio builds addresses from the last two, so they are names of this server as well.
    if len(named) != 1 or any(name.lower() not in hosts for name in named + forwarded) or "x-gradio-server" in headers:
        return Refusal(403, "host_not_allowed", f"This server answers only as {(*allowed, *own)[0]}.")
    origins = {f"http://{host}" for host in hosts} | {f"https://{host}" for host in allowed}
    if any(origin.lower() not in origins for origin in headers.getlist("origin")):
        return CROSS_ORIGIN
    if all(site in ("same-origin", "none") for site in headers.getlist("sec-fetch-site")):
        return None
    # Another site may link to a page. It may not post to it, embed it, or fetch data.
    navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return (
        None if scope["method"] in SAFE_METHODS and navigates and not scope["path"].startswith(DATA) else CROSS_ORIGIN
    )
