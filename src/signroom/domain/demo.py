"""What of the sandbox's own authorities can be switched off, to see what becomes of a signature then."""

from __future__ import annotations

from enum import StrEnum


class DemoFailure(StrEnum):
    """Spelled as ``signroom demo --fail`` has it."""

    TSA = "tsa"
    """The timestamp authority does not answer."""
    SLOW_TSA = "slow-tsa"
    """It answers after longer than anybody waits."""
    OCSP = "ocsp"
    """The responder does not answer."""
    CRL = "crl"
    """The list of revoked certificates cannot be had."""
