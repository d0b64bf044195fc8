"""One secret, however it is written: what is counted for the rate limit is what is looked up."""

from __future__ import annotations

import pytest

from signroom.http.callers.keys import shown_secret


@pytest.mark.parametrize(
    ("headers", "secret"),
    [
        ([], None),
        ([("x-api-key", "app|s3cret")], "s3cret"),
        ([("x-api-key", "s3cret")], "s3cret"),
        ([("x-api-key", " Example application|s3cret ")], "s3cret"),
        ([("x-api-key", "Bearer app|s3cret")], "s3cret"),
        ([("authorization", "bearer s3cret")], "s3cret"),
        ([("authorization", "ApiKey app|s3cret")], "s3cret"),
        ([("authorization", "Bearer other"), ("x-api-key", "s3cret")], "s3cret"),
        ([("authorization", "Bearer s3cret"), ("x-api-key", "")], "s3cret"),
        ([("x-api-key", "app|")], ""),
    ],
)
def test_the_secret_is_found(headers: list[tuple[str, str]], secret: str | None) -> None:
    assert shown_secret((name.encode(), value.encode()) for name, value in headers) == secret
