"""The file of providers: what is read, and what is refused at start."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from signroom.cli import doctor
from signroom.cli.doctor import Severity
from signroom.domain.security_context import ANY, ICP_BRASIL, TEST
from signroom.domain.timestamp import ClientCertificate, HeaderCredentials
from signroom.settings import read_settings
from signroom.timestamps.authorities import READ_AGAIN_SECONDS, RemoteAuthorities, require_usable
from signroom.timestamps.configured import BrokenProviders, read_providers
from signroom.trust.pinned.read_again import ReadAgain
from signroom.wiring import configured_providers
from tests.timestamps import openssl_tsa

URL = 'url = "https://tsa.example/tsr"'


def written(tmp_path: Path, *tables: str) -> Path:
    file = tmp_path / "providers.toml"
    file.write_text("\n".join(f"[[provider]]\n{table}" for table in tables))
    return file


def test_providers_are_read_with_what_they_leave_out(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        URL,
        f'name = "b"\ntier = "gold"\npriority = 2\ncontext = "icp-brasil"\nuser = "u"\npassword = "p"\n{URL}',
        f'name = "c"\nbearer = "t"\n{URL}',
        f'name = "d"\nheader = "X-Key"\nkey = "k"\n{URL}',
        f'name = "e"\ncertificate_file = "c.pem"\nkey_file = "k.pem"\n{URL}',
    )

    plain, basic, bearer, key, mutual = read_providers(file, TEST)

    assert (plain.name, plain.tier, plain.priority, plain.context) == ("tsa.example", "default", 1, TEST)
    assert (basic.tier, basic.priority, basic.context) == ("gold", 2, ICP_BRASIL)
    assert basic.credentials == HeaderCredentials("Authorization", "Basic dTpw")
    assert bearer.credentials == HeaderCredentials("Authorization", "Bearer t")
    assert key.credentials == HeaderCredentials("X-Key", "k")
    assert mutual.credentials == ClientCertificate("c.pem", "k.pem")


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("", "url is an address"),
        ('url = "ftp://tsa.example"', "url is an address"),
        ('url = "https://u:p@tsa.example"', "without a password"),
        ('url = "https://tsa.example:99999/"', "url is an address"),
        ('url = "https://tsa.exa mple/"', "url is an address"),
        (f'{URL}\nbearer = "é"', "printable ASCII"),
        (f'{URL}\nheader = "X Key"\nkey = "k"', "name of a header"),
        (f'{URL}\nuser = "u"', "give user and password"),
        (f'{URL}\nbearer = "t"\nuser = "u"\npassword = "p"', "give user and password"),
        ('url = "http://tsa.example"\nbearer = "t"', "https address only"),
        (f"{URL}\npriority = 0", "priority"),
        (f'{URL}\npriority = "1"', "priority"),
        (f'{URL}\ntier = "Gold"', "lower-case"),
        (f'{URL}\ncontext = "any"', "trusted roots"),
        (f'{URL}\ncontext = "moon"', "trusted roots"),
        (f'{URL}\npasword = "p"', "unknown key 'pasword'"),
        (f"{URL}\nname = 5", "text"),
    ],
)
def test_a_mistake_is_named_and_no_secret_is(tmp_path: Path, table: str, reason: str) -> None:
    with pytest.raises(BrokenProviders, match=reason):
        read_providers(written(tmp_path, table), TEST)


@pytest.mark.parametrize("content", ["", "[[provider]\n", "other = 1\n", "provider = 1\n"])
def test_a_file_without_providers_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "providers.toml"
    file.write_text(content)

    with pytest.raises(BrokenProviders):
        read_providers(file, TEST)


def test_a_context_that_accepts_everybody_is_none_for_an_authority(tmp_path: Path) -> None:
    with pytest.raises(BrokenProviders, match="trusted roots"):
        read_providers(written(tmp_path, URL), ANY)


def test_two_providers_have_two_names(tmp_path: Path) -> None:
    with pytest.raises(BrokenProviders, match="one name"):
        read_providers(written(tmp_path, URL, URL), TEST)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenProviders, match="cannot be read"):
        read_providers(tmp_path / "missing.toml", TEST)


def test_a_change_of_the_file_counts_within_seconds_and_one_that_is_broken_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, now, folder = written(tmp_path, URL), [0.0], openssl_tsa.folder()
    eu = {"PUBLIC_URL": "https://sign.example", "DEFAULT_SECURITY_CONTEXT": "eu"}
    named = {"TIMESTAMP_PROVIDERS": str(file), **eu}
    settings = read_settings({f"SIGNROOM_{name}": value for name, value in named.items()}, tmp_path)
    configured = ReadAgain(file, lambda: require_usable(read_providers(file, TEST)), every=0.0)
    authorities = RemoteAuthorities(configured, clock=lambda: now[0])

    def names() -> list[str]:
        now[0] += READ_AGAIN_SECONDS
        asked = [one.name for one in authorities.of_tier("default")]
        assert asked == [one.name for one in authorities.configured]
        return asked

    assert names() == ["tsa.example"]
    written(tmp_path, f'name = "another"\n{URL}')
    assert names() == ["another"]
    (line,) = doctor.timestamps(settings)
    assert (line.level, "1 providers" in line.what) == (Severity.OK, True)
    for whose, broken in (
        ("broken", f'name = "broken"\npriority = 0\n{URL}'),
        ("of tsa.example", f'certificate_file = "no"\nkey_file = "no"\n{URL}'),
    ):
        written(tmp_path, broken)
        with capture_logs() as lines:
            assert [names(), names()] == [["another"], ["another"]]
        (told,) = lines  # once
        assert (told["event"], whose in told["reason"]) == ("trust_folder.not_read", True)
        (line,) = doctor.timestamps(settings)
        assert (line.level, "go on with what they have read" in line.what) == (Severity.FAIL, True)
        assert whose in line.what
        with pytest.raises((ValueError, OSError), match=whose):  # a start would not go on with it
            configured_providers(settings)
    file.unlink()
    assert names() == ["another"]

    # A client certificate may come after the file that names it.
    written(tmp_path, f'certificate_file = "{tmp_path}/good.pem"\nkey_file = "{tmp_path}/key.pem"\n{URL}')
    assert names() == ["another"]
    for name in ("good.pem", "key.pem"):
        shutil.copy(folder / name, tmp_path / name)
    assert names() == ["tsa.example"]

    # One that is renewed keeps its name.
    (tmp_path / "good.pem").write_bytes(b"?")
    loaded: list[str] = []
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", _load(loaded))
    assert (names(), loaded) == (["tsa.example"], [])
    (tmp_path / "good.pem").write_bytes((folder / "good.pem").read_bytes())
    assert (names(), names(), loaded) == (["tsa.example"], ["tsa.example"], [f"{tmp_path}/good.pem"])

    # What could not be loaded is tried again, though its files are as they were.
    shutil.copy(folder / "good.pem", tmp_path / "good.pem")
    with monkeypatch.context() as patched, capture_logs() as lines:
        patched.setattr(ssl.SSLContext, "load_cert_chain", _not_permitted)
        assert (names(), names()) == (["tsa.example"], ["tsa.example"])
    assert [line["event"] for line in lines] == ["timestamp.provider_unusable"]
    assert (names(), names(), len(loaded)) == (["tsa.example"], ["tsa.example"], 2)


def _not_permitted(_context: ssl.SSLContext, _certificate: str, _key: str) -> None:
    raise PermissionError


def _load(loaded: list[str]) -> Callable[..., None]:
    before = ssl.SSLContext.load_cert_chain

    def load(context: ssl.SSLContext, certificate: str, key: str) -> None:
        before(context, certificate, key)
        loaded.append(certificate)

    return load
