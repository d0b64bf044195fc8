"""The API key of a request, however a client spells it."""

from __future__ import annotations

from collections.abc import Iterable

_BY_PRECEDENCE = (b"x-api-key", b"authorization")
_SCHEMES = ("bearer", "apikey")


KEY_HEADER = "X-Api-Key"
"""Where we say that a key belongs."""


def header_of_key(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The name of the header that `shown_secret` reads. None when there is none."""
    sent = {name for name, value in headers if value}
    return next((name.decode().title() for name in _BY_PRECEDENCE if name in sent), None)


def shown_secret(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The secret of ``X-Api-Key: app|secret`` (the part before the pipe and a scheme may be there or not).

    ``X-Api-Key`` wins over ``Authorization``. None when neither is sent; empty when it holds nothing.
    """
    found = {name: value for name, value in headers if name in _BY_PRECEDENCE}
    sent = next((found[name] for name in _BY_PRECEDENCE if found.get(name)), None)
    if sent is None:
        return None
    value = sent.decode("latin-1").strip()
    scheme, _, rest = value.partition(" ")
    if rest and scheme.lower() in _SCHEMES:
        value = rest
    return value.rpartition("|")[2].strip()
