"""The file of providers: what is read, and what is refused at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from signroom.domain.security_context import ANY, ICP_BRASIL, TEST
from signroom.domain.timestamp import ClientCertificate, HeaderCredentials
from signroom.timestamps.configured import BrokenProviders, read_providers

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
