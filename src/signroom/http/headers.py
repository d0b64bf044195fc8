"""Headers that every answer carries.

The page's address holds the session's secret: no Referer, no caching, no framing, nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def page_policy(frame_origins: Sequence[str] = ()) -> str:
    """The page's CSP. `frame_origins`: whose pages may frame it; ``domain.application`` checks their form."""
    ancestors = " ".join(frame_origins) or "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self' blob:; "
        f"worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}; "
        "require-trusted-types-for 'script'; trusted-types signroom"
    )


PAGE_POLICY = page_policy()
FILE_POLICY = "default-src 'none'; sandbox"

EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
    "content-security-policy": PAGE_POLICY,
}
"""Defaults: a handler that sets one of them keeps its own."""

STRICT = "signroom-strict"
"""Request: ``true`` refuses fields that there are not."""
IGNORED = "signroom-ignored"
"""Answer: fields of the request that mean nothing to us. Also where a request's state has them."""

FORWARDING = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
)
"""By these a request shows that it came through a proxy."""

ENCODED = [(name.encode(), value.encode()) for name, value in EVERYWHERE.items()]
"""The same, for answers that are given before the framework is reached."""

Encoded = tuple[bytes, bytes]
"""A header line as it is sent, its name in lower case."""


def sent(headers: Iterable[Encoded], name: bytes) -> str:
    """The value of the first line of a request that is called `name`, in lower case. Empty when there is none.

    The framework's own table of all lines costs ten times as much.
    """
    return next((value.decode("latin-1") for found, value in headers if found == name), "")


def with_defaults(headers: Iterable[Encoded], defaults: Iterable[Encoded]) -> list[Encoded]:
    """`headers`, and those `defaults` whose names are not among them."""
    found = list(headers)
    names = {name for name, _ in found}
    found.extend(line for line in defaults if line[0] not in names)
    return found
