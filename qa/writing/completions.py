"""One chat completion from an OpenAI-compatible server, within one deadline and one size limit.

The one home of openai and of the HTTP library it stands on. Whatever the server does, the caller waits no longer than
the deadline and sees nothing but a text or a CompletionError in our own words.
"""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

import httpx2
from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI
from openai.types.chat import ChatCompletionSystemMessageParam, ChatCompletionUserMessageParam
from pydantic import BaseModel, SecretStr, ValidationError

Messages = tuple[ChatCompletionSystemMessageParam, ChatCompletionUserMessageParam]
FailureCode = Literal[
    "writer_timeout",
    "writer_unreachable",
    "writer_bad_status",
    "writer_oversize",
    "writer_refused",
    "writer_nonsense",
]

MAX_REPLY_BYTES = 1024 * 1024
# Room for a model that thinks before it writes.
MAX_TOKENS = 2048
# How much longer than the deadline the caller waits for the connection to be closed.
GRACE_S = 0.5


class CompletionError(Exception):
    """No text came back; `detail` is in our own words and names neither the key nor what the server said."""

    def __init__(self, code: FailureCode, detail: str) -> None:
        super().__init__(detail)
        self.code: FailureCode = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask: `base_url` ends before `/chat/completions`; `timeout_s` is for everything together, in seconds."""

    base_url: str
    model: str
    api_key: SecretStr | None
    timeout_s: float


def complete(server: Server, *, instructions: str, data: str) -> str:
    """Return the text of the first choice, given a system message and a user message.

    Raises CompletionError, and nothing else, at the deadline at the latest.

    The work is done in a thread with an event loop of its own: cancelling is the only way to stop a server that
    sends one byte now and then, and a name look-up that hangs cannot be stopped at all, only left behind.
    """
    messages: Messages = ({"role": "system", "content": instructions}, {"role": "user", "content": data})
    outcome: queue.SimpleQueue[str | CompletionError] = queue.SimpleQueue()
    thread = threading.Thread(target=lambda: outcome.put(_run(server, messages)), name="footnote-writer", daemon=True)
    thread.start()
    try:
        result = outcome.get(timeout=server.timeout_s + GRACE_S)
    except queue.Empty:
        result = _timed_out(server)
    if isinstance(result, CompletionError):
        raise result
    return result


def _run(server: Server, messages: Messages) -> str | CompletionError:
    try:
        return asyncio.run(_within_deadline(server, messages))
    except CompletionError as error:
        return error
    except TimeoutError:
        return _timed_out(server)
    except Exception as error:
        # The server is not ours: what it sends may upset any layer below, and the quoted answer stands anyway.
        return CompletionError(
            "writer_nonsense", f"The language model's reply could not be read ({type(error).__name__})."
        )


def _timed_out(server: Server) -> CompletionError:
    return CompletionError("writer_timeout", f"The language model did not answer within {server.timeout_s:g} seconds.")


async def _within_deadline(server: Server, messages: Messages) -> str:
    async with asyncio.timeout(server.timeout_s):
        return _text_of(await _ask(server, messages))


async def _ask(server: Server, messages: Messages) -> bytes:
    """Return the body of the reply; ask once more without parameters when the server refuses them."""
    has_key = server.api_key is not None
    http_client = httpx2.AsyncClient(
        transport=_Transport(has_key=has_key), timeout=server.timeout_s, trust_env=False, follow_redirects=False
    )
    async with (
        http_client,
        AsyncOpenAI(
            base_url=server.base_url,
            # Given even when there is none, or the SDK takes one from the environment; the transport drops it.
            api_key=server.api_key.get_secret_value() if server.api_key else "none",
            timeout=server.timeout_s,
            max_retries=0,
            http_client=http_client,
        ) as client,
    ):
        create = client.chat.completions.with_raw_response.create
        try:
            try:
                reply = await create(model=server.model, messages=messages, temperature=0, max_tokens=MAX_TOKENS)
            except APIStatusError as error:
                if error.status_code not in (400, 422):
                    raise
                reply = await create(model=server.model, messages=messages)
        except APITimeoutError:
            raise TimeoutError from None
        except APIStatusError as error:
            raise CompletionError("writer_bad_status", _explain(error.status_code)) from None
        except APIConnectionError:
            raise CompletionError(
                "writer_unreachable", "The language model's server cannot be reached, or hung up."
            ) from None
        return reply.content


def _explain(status: int) -> str:
    advice = {
        401: "; check writer_api_key",
        403: "; check writer_api_key",
        404: "; check writer_base_url and writer_model",
        429: "; it is busy or a quota is used up",
    }
    return f"The language model's server answered with status {status}{advice.get(status, '')}."


class _Transport(httpx2.AsyncHTTPTransport):
    """Sends only the headers we mean to send, and reads no more than the limit, errors included.

    The SDK would add facts about this machine, and headers and account names from its own variables.
    """

    _SENT = frozenset({"host", "content-type", "content-length", "accept", "connection"})

    def __init__(self, *, has_key: bool) -> None:
        super().__init__(trust_env=False)
        self._sent = self._SENT | {"authorization"} if has_key else self._SENT

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # The SDK still needs its own headers on the request it knows, so another one is sent.
        headers = {name: value for name, value in request.headers.items() if name in self._sent}
        # Without compression, so that the limit counts what will be in memory.
        headers |= {"accept-encoding": "identity", "user-agent": "footnote"}
        bare = httpx2.Request(
            request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
        )
        response = await super().handle_async_request(bare)
        response.headers.pop("content-encoding", None)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Capped(response.stream)
        return response


class _Capped(httpx2.AsyncByteStream):
    """A body that fails as soon as it is longer than MAX_REPLY_BYTES."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > MAX_REPLY_BYTES:
                raise CompletionError("writer_oversize", "The language model's reply is longer than any answer.")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


# ---------------------------------------------------------------- the reply


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Reply(BaseModel):
    choices: list[_Choice]


def _text_of(body: bytes) -> str:
    """Read the few fields we need; servers leave out, add and misname the others."""
    try:
        choices = _Reply.model_validate_json(body).choices
    except ValidationError:
        raise CompletionError("writer_nonsense", "The server's reply is no chat completion.") from None
    if not choices:
        raise CompletionError("writer_nonsense", "The language model's reply is empty.")
    choice = choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise CompletionError("writer_refused", "The language model refused to answer.")
    if not choice.message.content or not choice.message.content.strip():
        raise CompletionError("writer_nonsense", "The language model's reply holds no text.")
    return choice.message.content
