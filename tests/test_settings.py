"""Settings: a wrong one stops the start with one sentence that says the fix."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from signroom.settings import NAMES, SettingsError, read_settings
from signroom.wiring import installed_keys

ADDRESS = {"SIGNROOM_PUBLIC_URL": "https://sign.example"}
PRODUCTION = {
    **ADDRESS,
    "SIGNROOM_ENVIRONMENT": "production",
    "SIGNROOM_DEFAULT_SECURITY_CONTEXT": "any",
    "SIGNROOM_SECRET_KEY": "s" * 32,
}


def test_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    settings = read_settings(ADDRESS, tmp_path)

    assert (settings.host, settings.port) == ("127.0.0.1", 8400)
    assert settings.max_file == 100 * 1024 * 1024
    assert settings.session_lifetime == timedelta(hours=4)
    assert settings.events_kept == timedelta(days=90)
    assert settings.blob_timeout == timedelta(seconds=20)
    assert settings.database_url == f"sqlite:///{Path('.signroom').absolute() / 'signroom.db'}"
    assert not settings.production


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "signroom.toml").write_text('port = 9000\nmax_file = "5 MB"\ntrusted_proxies = ["10.0.0.0/8", "::1"]\n')

    settings = read_settings({**ADDRESS, "SIGNROOM_PORT": "9001"}, tmp_path)

    assert settings.port == 9001
    assert settings.max_file == 5 * 1024 * 1024
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")


def test_a_schedule_is_written_as_seconds_or_times(tmp_path: Path) -> None:
    settings = read_settings({**ADDRESS, "SIGNROOM_WEBHOOK_SCHEDULE": "0, 2,300 ms,1 h"}, tmp_path)

    assert [wait.total_seconds() for wait in settings.webhook_schedule] == [0, 2, 0.3, 3600]
    assert settings.webhook_timeout == timedelta(seconds=15)


@pytest.mark.parametrize("url", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"])
def test_every_spelling_of_a_postgresql_address_is_understood(tmp_path: Path, url: str) -> None:
    settings = read_settings({**ADDRESS, "SIGNROOM_DATABASE_URL": url}, tmp_path)

    assert settings.database_url == "postgresql+psycopg://u:p@h/d"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "sign.example"),
        ("PUBLIC_URL", "https://sign.example/path"),
        ("PUBLIC_URL", "https://sign.example?x"),
        ("PORT", "70000"),
        ("PORT", "http"),
        ("WORKERS", "0"),
        ("ENVIRONMENT", "prod"),
        ("DEFAULT_SECURITY_CONTEXT", "everything"),
        ("SECRET_KEY", "short"),
        ("SECOND_SECRET_KEY", "short"),
        ("MAX_FILE", "much"),
        ("MAX_FILE", "0"),
        ("MAX_FILE", "-1 MB"),
        ("SESSION_LIFETIME", "4 fortnights"),
        ("EVENTS_KEPT", "29 d"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, nginx"),
        ("ALLOW_PRIVATE_ADDRESSES", "localhost"),
        ("RATE_LIMIT_KEY", "often"),
        ("RATE_LIMIT_ADDRESS", "10/fortnight"),
        ("DATABASE_URL", "mysql://h/d"),
        ("DATABASE_URL", "no url"),
        ("POOLER_URL", "no url"),
        ("POOLER_URL", "sqlite:///file"),
        ("BLOB_URL", "ftp://h"),
        ("BLOB_TIMEOUT", "soon"),
        ("METRICS_TOKEN", "too short"),
        ("METRICS_TOKEN", "with a space in it"),
        ("KEY_SOURCES", "pfx,paper"),
        ("KEY_SOURCES", "pfx,pfx"),
        ("KEY_SOURCES", ","),
        ("EU_TRUST_LISTS", "Portugal"),
        ("EU_TRUST_LISTS", "all,PT"),
        ("WEB_PKI_SCRIPT", "/nowhere/web-pki.js"),
        ("WEBHOOK_SCHEDULE", "0, soon"),
        ("WEBHOOK_SCHEDULE", "0,,1 s"),
        ("WEBHOOK_SCHEDULE", ",".join(["1 s"] * 51)),
        ("WEBHOOK_TIMEOUT", "0"),
        ("PUBLICURL", "https://sign.example"),
    ],
)
def test_a_wrong_setting_names_itself_and_the_fix_in_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({**ADDRESS, f"SIGNROOM_{name}": value}, tmp_path)

    sentence = str(caught.value)
    assert f"SIGNROOM_{name}" in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("missing", ["SIGNROOM_DEFAULT_SECURITY_CONTEXT", "SIGNROOM_SECRET_KEY"])
def test_production_asks_for_what_must_not_be_guessed(tmp_path: Path, missing: str) -> None:
    read_settings(PRODUCTION, tmp_path)
    with pytest.raises(SettingsError, match=missing):
        read_settings({k: v for k, v in PRODUCTION.items() if k != missing}, tmp_path)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "signroom.toml").write_text("port = [")

    with pytest.raises(SettingsError, match=r"signroom\.toml"):
        read_settings(ADDRESS, tmp_path)


def test_an_unknown_name_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "signroom.toml").write_text("prot = 1")

    with pytest.raises(SettingsError, match="SIGNROOM_PROT"):
        read_settings(ADDRESS, tmp_path)


def test_every_setting_is_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "settings.md").read_text()

    assert [name for name in NAMES if f"`SIGNROOM_{name}`" not in text] == []


def test_secret_keys_come_from_the_environment_the_file_of_settings_or_files_of_the_data_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    folder = {"SIGNROOM_PUBLIC_URL": "http://127.0.0.1:8400", "SIGNROOM_DATA": str(data)}
    (data / "secret.key").write_text("f" * 32 + "\n")
    (data / "second-secret.key").write_text("g" * 32 + "\n")
    given = {**folder, "SIGNROOM_SECRET_KEY": "e" * 32}

    def keys(environment: dict[str, str]) -> tuple[bytes, ...]:
        found = installed_keys(read_settings(environment, tmp_path))
        return () if found is None else found.all

    assert keys(folder) == (b"f" * 32, b"g" * 32)
    assert keys(given) == (b"e" * 32, b"g" * 32)
    (tmp_path / "signroom.toml").write_text(f'second_secret_key = "{"t" * 32}"\n')
    assert keys(given) == (b"e" * 32, b"t" * 32)
    assert keys({**given, "SIGNROOM_SECOND_SECRET_KEY": "u" * 32}) == (b"e" * 32, b"u" * 32)


@pytest.mark.parametrize("second", ["short", "f" * 32])
def test_a_second_key_in_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path, second: str) -> None:
    environment = {"SIGNROOM_PUBLIC_URL": "http://127.0.0.1:8400", "SIGNROOM_DATA": str(tmp_path)}
    (tmp_path / "secret.key").write_text("f" * 32)
    (tmp_path / "second-secret.key").write_text(second)

    with pytest.raises(SettingsError, match=r"second-secret\.key"):
        installed_keys(read_settings(environment, tmp_path))


def test_the_second_key_is_another_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SIGNROOM_SECOND_SECRET_KEY is the same"):
        read_settings({**PRODUCTION, "SIGNROOM_SECOND_SECRET_KEY": "s" * 32}, tmp_path)


def test_answers_about_revocation_may_be_asked_for_each_time(tmp_path: Path) -> None:
    ages = {"SIGNROOM_REVOCATION_MAX_AGE": "0", "SIGNROOM_REVOCATION_LIST_MAX_AGE": "12 h"}
    found = read_settings({**ADDRESS, **ages, "SIGNROOM_ISSUER_HOSTS": "A.example.org, b"}, tmp_path)
    assert (found.revocation_max_age, found.revocation_list_max_age) == (timedelta(), timedelta(hours=12))
    assert found.issuer_hosts == ("a.example.org", "b")


@pytest.mark.parametrize(
    ("name", "value"), [("REVOCATION_MAX_AGE", "-1"), ("ISSUER_HOSTS", "http://a.example.org/"), ("ISSUER_HOSTS", "*")]
)
def test_an_age_or_a_host_that_is_none_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**ADDRESS, f"SIGNROOM_{name}": value}, tmp_path)
