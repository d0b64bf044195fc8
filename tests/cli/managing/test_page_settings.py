"""``signroom file-validation`` and ``signroom branding``, as an operator uses them."""

from __future__ import annotations

import io
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.cli.test_commands import PRODUCTION, environment
from tests.harness.commands import command


@pytest.fixture
def variables(tmp_path: Path, database_url: str) -> dict[str, str]:
    """The environment of an installation with the subscription Acme."""
    made = environment(tmp_path / "data", SIGNROOM_DATABASE_URL=database_url, **PRODUCTION)
    assert command(made, "migrate").returncode == 0
    assert command(made, "subscriptions", "create", "Acme").returncode == 0
    return made


def lines(variables: dict[str, str], *arguments: str) -> list[str]:
    done = command(variables, *arguments, "--subscription", "Acme")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_file_validation_is_shown_as_it_was_set(variables: dict[str, str]) -> None:
    url = "https://app.example/validate"
    assert lines(variables, "file-validation", "show") == ["file names: any", "endpoint: none"]

    with_secret = {**variables, "SIGNROOM_ENDPOINT_SECRET": "correct horse"}
    arguments = ("--pattern", r".*\.pdf", "--endpoint", url, "--auth", "Basic", "--user", "ana")
    expected = [r"file names: .*\.pdf", f"endpoint: {url} (Basic, user ana, secret set)"]
    assert lines(with_secret, "file-validation", "set", *arguments) == expected
    assert lines(variables, "file-validation", "show") == expected
    assert lines(variables, "file-validation", "set", *arguments) == expected, "the secret is kept"
    assert lines(variables, "file-validation", "set") == ["file names: any", "endpoint: none"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--pattern", "a["), "BadFileNamePattern"),
        (("--endpoint", "nowhere"), "BadRequest"),
        (("--endpoint", "https://app.example/", "--auth", "ApiKey"), "BadRequest"),
    ],
)
def test_what_cannot_work_is_refused(variables: dict[str, str], arguments: tuple[str, ...], code: str) -> None:
    done = command(variables, "file-validation", "set", "--subscription", "Acme", *arguments)

    assert (done.returncode, code in done.stderr) == (3, True)
    assert lines(variables, "file-validation", "show") == ["file names: any", "endpoint: none"]


def test_branding_is_shown_as_it_was_set(variables: dict[str, str], tmp_path: Path) -> None:
    target = io.BytesIO()
    Image.new("RGB", (80, 20)).save(target, "PNG")
    (tmp_path / "logo.png").write_bytes(target.getvalue())
    nothing = ["name: none", "logo: none", "accent: none", "accent dark: none"]
    assert lines(variables, "branding", "show") == nothing

    arguments = ("--name", "Acme Ltd", "--logo", str(tmp_path / "logo.png"), "--accent", "#7A1FA2")
    expected = [
        "name: Acme Ltd",
        f"logo: image/png, {len(target.getvalue())} bytes",
        "accent: #7a1fa2",
        "accent dark: none",
    ]
    assert lines(variables, "branding", "set", *arguments) == expected
    assert lines(variables, "branding", "show") == expected
    assert lines(variables, "branding", "set") == nothing


def test_a_branding_that_harms_is_refused(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_text("<svg onload='alert(1)'/>")
    for arguments, code, part in (
        (("--accent", "#ffff00"), 3, "LowContrast"),
        (("--logo", str(tmp_path / "logo.svg")), 3, "BadLogo"),
        (("--logo", str(tmp_path / "missing.png")), 2, "cannot be read"),
    ):
        done = command(variables, "branding", "set", "--subscription", "Acme", *arguments)
        assert (done.returncode, part in done.stderr) == (code, True), done.stderr


def test_an_unknown_subscription_is_told(variables: dict[str, str]) -> None:
    for group in ("file-validation", "branding"):
        done = command(variables, group, "show", "--subscription", "Nobody")
        assert (done.returncode, "SubscriptionNotFound" in done.stderr) == (3, True)
        # Most often the command runs in another folder than the service.
        url = urlsplit(variables["SIGNROOM_DATABASE_URL"])
        assert f"{url.path.removeprefix('/')}. Is that the service's?" in done.stderr
        assert url.password is None or url.password not in done.stderr


def test_retention_is_shown_as_it_was_set(variables: dict[str, str]) -> None:
    def said(*arguments: str) -> str:
        done = command(variables, "subscriptions", "retention", "Acme", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert said("--days", "30") == said() == "signed documents are kept for 30 days"
    assert said("--keep") == "signed documents are kept"
    assert command(variables, "subscriptions", "retention", "Acme", "--days", "0").returncode == 3
    assert command(variables, "subscriptions", "retention", "Acme", "--days", "1", "--keep").returncode == 2
