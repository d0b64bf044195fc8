"""Certificates from the files in which authorities hand them out: PEM (RFC 7468, 5) or DER."""

from __future__ import annotations

import re
from base64 import b64decode

_ARMOUR = b"-----BEGIN "
_CERTIFICATE = re.compile(rb"-----BEGIN (X509 )?CERTIFICATE-----([^-]*)-----END (?:X509 )?CERTIFICATE-----")


def certificates_in(content: bytes) -> tuple[bytes, ...]:
    """DER of each certificate of a PEM file, in its order. What is no PEM is one certificate, as it stands.

    Whether these are certificates is judged by whoever reads them. Raises: ValueError for a PEM file without any.
    """
    if _ARMOUR not in content:
        return (content,)
    found = tuple(b64decode(b"".join(body.split()), validate=True) for _, body in _CERTIFICATE.findall(content))
    if not found:
        raise ValueError("It is a PEM file without a certificate.")
    return found
