"""In which language the signing page greets somebody: asked before he has shown any token."""

from __future__ import annotations

from signroom.domain.errors import SignatureSessionNotFound
from signroom.domain.language import DEFAULT, known_language, preferred_language
from signroom.domain.secret import hash_secret
from signroom.ports import Ports


def page_language(ports: Ports, link: str, wanted: str | None, accepted: str | None) -> str:
    """`wanted`: the signer's own choice; `accepted`: his browser's ``Accept-Language``. Never raises for a bad link."""
    chosen = known_language(wanted) if wanted else None
    return chosen or _of_session(ports, link) or preferred_language(accepted) or DEFAULT


def _of_session(ports: Ports, link: str) -> str | None:
    with ports.store.read() as work:
        try:
            return work.sessions.by_link(hash_secret(link)).language
        except SignatureSessionNotFound:
            return None
