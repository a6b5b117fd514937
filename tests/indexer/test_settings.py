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
