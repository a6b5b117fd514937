"""The settings: `footnote.toml`, then `FOOTNOTE_…` variables, then flags; one typed object handed in."""

import difflib
import os
import string
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from indexer.errors import SettingsError

SETTINGS_FILE = "footnote.toml"
PREFIX = "FOOTNOTE_"
# Their values may hold a secret, so no message repeats them.
UNSHOWN = frozenset({"writer_api_key", "writer_base_url", "api_key", "admin_key"})
# They come from the environment or a file of their own, not from a file that is shown around.
KEYS = ("api_key", "admin_key")
MIN_KEY_CHARS = 32
# In a variable, joined by commas.
LISTS = frozenset({"embedder_languages", "allowed_hosts"})


_HOST_LETTERS = frozenset(string.ascii_letters + string.digits + "-.:[]")


class Settings(BaseModel):
    """Everything that can be chosen; the defaults run whole on a two-core machine with no network."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    corpus: Path = Field(Path("corpus"), description="the folder of articles")
    index: Path = Field(Path("index"), description="the folder of the index")
    store: str | None = Field(
        None, min_length=1, description="a store that many machines share: a folder or an address of object storage"
    )
    ray_address: str | None = Field(
        None, min_length=1, description="the Ray cluster that builds for the store, such as `auto` or `host:6379`"
    )
    host: str = Field("127.0.0.1", description="the address to serve on")
    port: int = Field(8000, ge=0, le=65535, description="the port to serve on; 0 takes a free one")
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="further names the server answers to, exactly as browsers send them: `name` or `name:port`",
    )
    api_key: SecretStr | None = Field(
        None, description="the key to read and ask with; none: whoever reaches the server"
    )
    api_key_file: Path | None = Field(None, description="a file that holds `api_key`")
    admin_key: SecretStr | None = Field(
        None, description="the key to change articles and index with; none: `api_key` may do so"
    )
    admin_key_file: Path | None = Field(None, description="a file that holds `admin_key`")
    max_connections: int = Field(512, ge=16, le=65_536, description="connections open at once")
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="how `footnote serve` writes its log: `auto` is text on a terminal, else JSON"
    )

    embedder: Path | None = Field(
        None, description="a folder with a sentence-transformers model; none: the bundled MiniLM"
    )
    embedder_languages: tuple[str, ...] = Field(("en",), description="the languages the embedder knows")
    korean_analyser: Literal["bigrams", "kiwi"] = Field("bigrams", description="how Korean is cut for the lexical leg")
    passage_words: int = Field(110, ge=20, le=400, description="the target length of a passage, in words")
    max_file_mb: int = Field(25, ge=1, le=1024, description="a larger file is not read, in MiB")
    shrink_limit: float = Field(0.2, ge=0, le=1, description="the share of articles a rebuild may lose unasked")
    keep_generations: int = Field(2, ge=1, le=100, description="older generations kept besides the current one")

    retrieval_depth: int = Field(100, ge=10, le=1000, description="how many passages each leg brings")
    rescored_passages: int = Field(
        default=20, ge=0, le=200, description="how many passages are looked at closely before the ranking is final"
    )
    read_passages: int = Field(8, ge=1, le=50, description="how many passages the reader reads")
    answer_threshold: float = Field(0.5, ge=0, le=1, description="below this probability the articles don't say")

    max_question_chars: int = Field(4000, ge=100, le=100_000, description="a longer question is refused")
    max_body_kb: int = Field(64, ge=1, le=10_240, description="a longer JSON body is refused, in KiB")
    max_upload_files: int = Field(20, ge=1, le=1000, description="files taken by one upload")
    fetch_urls: bool = Field(default=False, description="whether an article may be fetched from the web by its address")
    fetch_private_addresses: bool = Field(
        default=False, description="whether it may come from this machine or a private network"
    )

    writer_base_url: str | None = Field(
        None,
        description="the OpenAI-compatible server of a language model, with `/v1`; none: quotations only",
    )
    writer_model: str | None = Field(
        None, min_length=1, max_length=300, description="the name of the language model on that server"
    )
    writer_api_key: SecretStr | None = Field(None, description="the key of that server, if it wants one; never shown")
    writer_timeout_s: float = Field(
        default=60.0, gt=0, le=600, description="how long the language model may take for an answer, in seconds"
    )

    @model_validator(mode="before")
    @classmethod
    def _read_key_files(cls, values: Any) -> Any:  # noqa: ANN401 - as given
        """Read the keys here, so that no settings exist that name a file and guard nothing."""
        if not isinstance(values, dict):
            return values
        read = {}
        for key in KEYS:
            path = values.get(f"{key}_file")
            if path is not None and values.get(key) is None:
                read[key] = _key_of(path)
            elif path is not None and values[key] != _key_of(path):
                raise ValueError(f"{key} and {key}_file are both set, and differ")
        return {**values, **read}

    @field_validator("allowed_hosts")
    @classmethod
    def _are_plain_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_is_host(name) for name in value):
            raise ValueError("must be names like qa.example.org or box.lan:8000, without scheme, path or wildcard")
        return tuple(name.lower() for name in value)

    @field_validator(*KEYS)
    @classmethod
    def _is_hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_KEY_CHARS:
            raise ValueError(f"must have at least {MIN_KEY_CHARS} characters")
        return value

    @field_validator("writer_base_url")
    @classmethod
    def _is_plain_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            has_place = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            has_more = "@" in parts.netloc or bool(parts.query or parts.fragment) or value.split() != [value]
            is_plain = has_place and not has_more
        except ValueError:
            is_plain = False
        if not is_plain:
            raise ValueError("must be like http://127.0.0.1:8080/v1; a key goes into writer_api_key")
        return value

    @field_validator("writer_api_key", *KEYS)
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        key = value.get_secret_value() if value else "-"
        if not key or not all("!" <= letter <= "~" for letter in key):
            raise ValueError("must be printable ASCII without spaces")
        return value

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        if self.api_key is not None and self.api_key == self.admin_key:
            raise ValueError("api_key and admin_key are the same; leave out one")
        return self

    @model_validator(mode="after")
    def _cluster_has_a_store(self) -> Self:
        if self.ray_address is not None and self.store is None:
            raise ValueError("ray_address needs store")
        return self

    @model_validator(mode="after")
    def _writer_is_whole(self) -> Self:
        if self.writer_base_url is not None and self.writer_model is None:
            raise ValueError("writer_base_url needs writer_model")
        return self


def _key_of(path: Any) -> str:  # noqa: ANN401 - whatever stands in the settings
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"the key file {str(path)!r} cannot be read: {type(error).__name__}") from error


def _is_host(name: str) -> bool:
    """Whether this is a host of an address, with or without a port, and nothing else."""
    try:
        parts = urlsplit(f"//{name}")
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and parts.netloc == name and not set(name) - _HOST_LETTERS


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Read the settings file of `folder`, then the environment, then `flags` (None means not given).

    Raises SettingsError naming every wrong key with the nearest right one, and every wrong value.
    """
    values: dict[str, Any] = {}
    values.update(_from_file((folder or Path.cwd()) / SETTINGS_FILE))
    values.update(_from_environment(os.environ if environ is None else environ))
    values.update({key: value for key, value in (flags or {}).items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_explain(error), advice="See `footnote --help` and README.") from error


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from error
    if found := [key for key in KEYS if key in values]:
        raise SettingsError(
            f"{path} must not hold {' or '.join(map(repr, found))}.",
            advice=f"Set {PREFIX}{found[0].upper()}, or name a file of its own with `{found[0]}_file`.",
        )
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, value in environ.items():
        if variable.startswith(PREFIX):
            key = variable.removeprefix(PREFIX).lower()
            values[key] = [part.strip() for part in value.split(",") if part.strip()] if key in LISTS else value
    return values


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            nearest = difflib.get_close_matches(key, Settings.model_fields, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            lines.append(f"Unknown setting {key!r}{hint}")
        elif not key:
            # About several settings at once: the input would be all of them, the key among them.
            lines.append(problem["msg"])
        elif key in UNSHOWN:
            lines.append(f"Setting {key!r} has a wrong value: {problem['msg']}")
        else:
            lines.append(f"Setting {key!r} has value {problem['input']!r}: {problem['msg']}")
    return ". ".join(lines) + "."
