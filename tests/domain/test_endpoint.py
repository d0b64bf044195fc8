"""Endpoints of applications: their form, and what they may say back."""

from __future__ import annotations

import pytest

from signroom.domain.endpoint import EndpointAuth, require_endpoint
from signroom.domain.errors import BadInput
from signroom.domain.file_validation import MAX_REASON, clean_reason

URL = "https://app.example/validate?tenant=1"


@pytest.mark.parametrize(
    ("auth", "user", "secret"),
    [
        (EndpointAuth.NONE, None, None),
        (EndpointAuth.BASIC, "ana", "senha ü: com espaço"),
        (EndpointAuth.BEARER, None, "abc.def-_~+/="),
        (EndpointAuth.API_KEY, None, "portal|secret"),
    ],
)
def test_every_kind_of_authentication_has_its_form(auth: EndpointAuth, user: str | None, secret: str | None) -> None:
    require_endpoint(URL, auth, user, secret)


@pytest.mark.parametrize(
    ("auth", "user", "secret"),
    [
        (EndpointAuth.NONE, None, "secret"),
        (EndpointAuth.NONE, "ana", None),
        (EndpointAuth.BASIC, None, "secret"),
        (EndpointAuth.BASIC, "a:b", "secret"),
        (EndpointAuth.BASIC, "", "secret"),
        (EndpointAuth.BASIC, "ana\r\n", "secret"),
        (EndpointAuth.BASIC, "ana", None),
        (EndpointAuth.BASIC, "ana", "a\nb"),
        (EndpointAuth.BEARER, None, None),
        (EndpointAuth.BEARER, "ana", "secret"),
        (EndpointAuth.BEARER, None, "a b"),
        (EndpointAuth.BEARER, None, "a\r\nX-Other: b"),
        (EndpointAuth.API_KEY, None, "ü"),
        (EndpointAuth.API_KEY, None, ""),
        (EndpointAuth.API_KEY, None, "x" * 2049),
    ],
)
def test_what_does_not_fit_the_kind_is_refused(auth: EndpointAuth, user: str | None, secret: str | None) -> None:
    with pytest.raises(BadInput):
        require_endpoint(URL, auth, user, secret)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/validate",
        "ftp://app.example",
        "https://",
        "https://me:secret@app.example/",
        "https://app.example/a b",
        "https://app.example/\r\n",
        "https://app.example:port/",
        "https://[::1/",
        "https://app.example/" + "x" * 1024,
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        require_endpoint(url, EndpointAuth.NONE, None, None)


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("Too old", "Too old"),
        ("  one\r\n\ttwo\0three  ", "one two three"),
        ("<b>no</b>", "<b>no</b>"),
        ("a\u202eb", "a b"),
        ("\n \0", None),
        ("", None),
        ("x" * 100_000, "x" * MAX_REASON),
    ],
)
def test_a_reason_is_one_short_line_of_text(given: str, clean: str | None) -> None:
    assert clean_reason(given) == clean
