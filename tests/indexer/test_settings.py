from pathlib import Path

import pytest

from indexer.errors import SettingsError
from indexer.settings import Settings, load_settings

KEY = "sk-hidden-0123"


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8080/v1",
        "https://models.example/v1",
        "http://[::1]:8080/v1",
    ],
)
def test_a_writer_may_be_anywhere(address: str) -> None:
    settings = Settings(writer_base_url=address, writer_model="m")
    assert settings.writer_base_url == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:8080",
        "ftp://models.example/v1",
        "file:///etc/passwd",
        f"http://me:{KEY}@models.example/v1",
        f"http://models.example/v1?key={KEY}",
        f"http://models.example/v1#{KEY}",
        "http:///v1",
        "http://models.example:99999/v1",
        "http://models example/v1",
        "http://[::1/v1",
    ],
)
def test_a_writer_needs_a_plain_address(address: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings({"writer_base_url": address, "writer_model": "m"}, environ={})
    assert "writer_base_url" in str(error.value)
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    "values",
    [
        {"writer_api_key": KEY + "\n"},
        {"writer_api_key": [KEY]},
        {"writer_api_key": KEY, "writer_base_url": "http://127.0.0.1:8080/v1"},
        {"writer_api_key": KEY, "writer_timeout_s": 0},
        {"writer_api_key": KEY, "writer_base_url": "http://127.0.0.1:8080/v1", "writer_model": ""},
        {"writer_api_key": KEY, "port": "many", "writer_modle": "m"},
    ],
)
def test_no_message_repeats_the_key(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(values, environ={})
    assert KEY not in f"{error.value} {error.value!r} {error.value.__cause__}"


def test_the_key_comes_from_the_environment_and_stays_hidden() -> None:
    settings = load_settings(environ={"FOOTNOTE_WRITER_API_KEY": KEY})
    assert settings.writer_api_key is not None
    assert settings.writer_api_key.get_secret_value() == KEY
    assert KEY not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


LONG = "0123456789abcdef" * 2


@pytest.mark.parametrize("key", ["api_key", "admin_key"])
@pytest.mark.parametrize("value", [LONG[:31], "", " " * 40, LONG + "\n", "é" * 40])
def test_a_weak_key_is_refused_and_not_shown(key: str, value: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(environ={f"FOOTNOTE_{key.upper()}": value})
    assert key in str(error.value)
    assert not value.strip() or value not in str(error.value)


def test_keys_come_from_the_environment_or_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(LONG + "\n")
    (tmp_path / "footnote.toml").write_text(f'api_key_file = "{tmp_path / "key"}"\n')
    settings = load_settings(environ={"FOOTNOTE_ADMIN_KEY": LONG + "x"}, folder=tmp_path)
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == LONG
    assert LONG not in f"{settings} {settings!r} {settings.model_dump_json()}"
    (tmp_path / "footnote.toml").write_text(f'api_key = "{LONG}"\n')
    with pytest.raises(SettingsError, match="must not hold 'api_key'") as error:
        load_settings(environ={}, folder=tmp_path)
    assert LONG not in f"{error.value} {error.value.advice}"


@pytest.mark.parametrize(
    "values",
    [
        {"api_key_file": "/nowhere/key"},
        {"api_key_file": "/"},
        {"api_key": LONG, "admin_key": LONG},
        {"allowed_hosts": ["*"]},
        {"allowed_hosts": ["*.example.org"]},
        {"allowed_hosts": ["https://qa.example.org"]},
        {"allowed_hosts": ["qa.example.org/page"]},
        {"allowed_hosts": ["user@qa.example.org"]},
        {"allowed_hosts": ["qa.example.org:99999"]},
        {"allowed_hosts": ["qa example"]},
        {"allowed_hosts": [""]},
    ],
)
def test_what_guards_nothing_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(values, environ={})
    assert LONG not in str(error.value)


def test_hosts_are_a_list_in_a_variable() -> None:
    settings = load_settings(environ={"FOOTNOTE_ALLOWED_HOSTS": "QA.example.org, box.lan:8000,[fd00::1]:8000"})
    assert settings.allowed_hosts == ("qa.example.org", "box.lan:8000", "[fd00::1]:8000")
