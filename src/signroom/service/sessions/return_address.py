"""Where the browser goes at the end, with a signed statement of the outcome for those who asked for one.

The statement saves the application nothing but a doubt: anybody can make up a ``signatureSessionId``.
"""

from __future__ import annotations

from datetime import timedelta

from signroom.domain.session import Session, with_parameter
from signroom.ports import Ports

PARAMETER = "signroomResult"
LIFETIME = timedelta(minutes=5)


def return_address(ports: Ports, session: Session) -> str | None:
    """None while there is nothing to return with, or nowhere to return to."""
    address = session.return_address
    if address is None or not session.result_token:
        return address
    now = ports.clock.now()
    claims: dict[str, str | int] = {
        "iss": ports.public_url,
        "aud": str(session.application_id),
        "sub": str(session.id),
        "status": session.status.value,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
    }
    return with_parameter(address, PARAMETER, ports.result_tokens.issue(claims))
