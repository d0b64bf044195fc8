"""The page that says that there is none, as the generator writes it for a site at the root of its host."""

from __future__ import annotations

import re

_ROOTED = re.compile(r'((?:href|src)="|"base":"|"search":"|new URL\(")/(?!docs/)')


def below_docs(html: str) -> str:
    """The page with its addresses below ``/docs/``, where the service has the site."""
    return _ROOTED.sub(r"\1/docs/", html)
