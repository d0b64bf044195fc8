"""Whose pages may show the signing page: what is listed becomes part of a header."""

from __future__ import annotations

import pytest

from signroom.domain.application import require_frame_origin
from signroom.domain.errors import BadFrameOrigin


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example",
        "https://app.example:8443",
        "https://10.0.0.1",
        "http://localhost:3000",
        "http://127.0.0.1",
    ],
)
def test_an_origin_is_accepted(origin: str) -> None:
    require_frame_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "*",
        "https:",
        "https://*",
        "https://*.example",
        "https://app.example/",
        "https://app.example/path",
        "https://APP.example",
        "https://app.example:0",
        "https://app.example:65536",
        "https://me@app.example",
        "https://app.example; script-src *",
        "https://app.example 'self'",
        "https://app.example\n",
        "https://app_.example\r\nX: y",
        "https://-app.example",
        "https://app..example",
        "http://app.example",
        "ftp://app.example",
        "https://" + "a" * 250,
        "https://" + "a-" * 10_000,
    ],
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(BadFrameOrigin):
        require_frame_origin(origin)
