"""A certificate with some of its parts exchanged, byte by byte, as odd authorities write them.

Nobody signs it anew: it is for what reads certificates, not for what judges them.
"""

from __future__ import annotations

from asn1crypto.x509 import Certificate

from tests.trust.certificates_by_hand import SEQUENCE, der, oid

_SET = 0x31
_PARTS = ("version", "serial_number", "signature", "issuer", "validity", "subject", "subject_public_key_info")


def reissued(
    certificate: bytes,
    *,
    serial: bytes | None = None,
    issuer: bytes | None = None,
    public_key: bytes | None = None,
    extensions: bytes | None = None,
) -> bytes:
    """`certificate` with other parts. `serial`: the content of the INTEGER. The others are whole values."""
    old = Certificate.load(certificate)
    signed = old["tbs_certificate"]
    parts = {name: signed[name].dump() for name in _PARTS}
    if serial is not None:
        parts["serial_number"] = der(2, serial)
    if issuer is not None:
        parts["issuer"] = issuer
    if public_key is not None:
        parts["subject_public_key_info"] = public_key
    parts["extensions"] = extensions if extensions is not None else signed["extensions"].dump()
    inner = der(SEQUENCE, *parts.values())
    return der(SEQUENCE, inner, old["signature_algorithm"].dump(), old["signature_value"].dump())


def name(*relative_names: list[tuple[str, int, bytes]]) -> bytes:
    """A Name (RFC 5280, 4.1.2.4). Each relative name has attributes: OID, tag of the text, the text's octets."""
    return der(
        SEQUENCE,
        *(
            der(_SET, *sorted(der(SEQUENCE, oid(kind), der(tag, text)) for kind, tag, text in attributes))
            for attributes in relative_names
        ),
    )


def with_false_written_out(certificate: bytes) -> bytes:
    """Its extensions say ``critical FALSE``, which DER leaves out and some authorities do not."""
    extensions = [
        der(
            SEQUENCE,
            one["extn_id"].dump(),
            der(1, b"\xff" if one["critical"].native else b"\x00"),
            one["extn_value"].dump(),
        )
        for one in Certificate.load(certificate)["tbs_certificate"]["extensions"]
    ]
    return reissued(certificate, extensions=der(0xA3, der(SEQUENCE, *extensions)))
