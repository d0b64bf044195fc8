"""How the signing page greets somebody: asked before they have shown any token."""

from __future__ import annotations

from dataclasses import dataclass

from signroom.domain.errors import SignatureSessionNotFound
from signroom.domain.language import DEFAULT, known_language, preferred_language
from signroom.domain.secret import hash_secret
from signroom.ports import Ports


@dataclass(frozen=True, slots=True)
class Greeting:
    """``frame_origins`` are those whose pages may show this one in a frame."""

    language: str
    frame_origins: tuple[str, ...]


def greeting(ports: Ports, link: str, wanted: str | None, accepted: str | None) -> Greeting:
    """`wanted`: the signer's own choice; `accepted`: their browser's ``Accept-Language``.

    It never raises for a bad link: nobody's pages may show the page of an unknown one.
    """
    chosen = known_language(wanted) if wanted else None
    preferred = preferred_language(accepted) or DEFAULT
    try:
        found = ports.store.by_link(hash_secret(link))
    except SignatureSessionNotFound:
        return Greeting(chosen or preferred, ())
    return Greeting(chosen or found.session.language or preferred, found.application.frame_origins)
