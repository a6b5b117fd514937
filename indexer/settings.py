"""The settings: `footnote.toml`, then `FOOTNOTE_…` variables, then flags; one typed object handed in."""

import difflib
import os
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
UNSHOWN = frozenset({"writer_api_key", "writer_base_url"})


class Settings(BaseModel):
    """Everything that can be chosen; the defaults run whole on a two-core machine with no network."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    corpus: Path = Field(Path("corpus"), description="the folder of articles")
    index: Path = Field(Path("index"), description="the folder of the index")
    host: str = Field("127.0.0.1", description="the address to serve on")
    port: int = Field(8000, ge=0, le=65535, description="the port to serve on; 0 takes a free one")

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

    @field_validator("writer_api_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        key = value.get_secret_value() if value else "-"
        if not key or not all("!" <= letter <= "~" for letter in key):
            raise ValueError("must be printable ASCII without spaces")
        return value

    @model_validator(mode="after")
    def _writer_is_whole(self) -> Self:
        if self.writer_base_url is not None and self.writer_model is None:
            raise ValueError("writer_base_url needs writer_model")
        return self


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
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, value in environ.items():
        if variable.startswith(PREFIX):
            key = variable.removeprefix(PREFIX).lower()
            values[key] = value.split(",") if key == "embedder_languages" else value
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
