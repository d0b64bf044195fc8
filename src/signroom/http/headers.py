"""Headers that every answer carries.

The page's address holds the session's secret: no Referer, no caching, no framing, nothing from elsewhere.
"""

from __future__ import annotations

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types signroom"
)
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

ENCODED = [(name.encode(), value.encode()) for name, value in EVERYWHERE.items()]
"""The same, for answers that are given before the framework is reached."""
