"""Object identifiers of what makes a signature last, as whole values (DER)."""

from __future__ import annotations

SIGNATURE_TIMESTAMP = bytes.fromhex("060b2a864886f70d010910020e")
"""id-aa-signatureTimeStampToken (EN 319 122-1, 5.3)."""
ARCHIVE_TIMESTAMP_V3 = bytes.fromhex("060604008d450204")
"""id-aa-ets-archiveTimestampV3 (EN 319 122-1, 5.5.3)."""
HASH_INDEX_V3 = bytes.fromhex("060704008195320105")
"""id-aa-ATSHashIndex-v3 (EN 319 122-1, 5.5.2)."""
OLD_ARCHIVE_TIMESTAMPS = frozenset(
    {
        bytes.fromhex("060b2a864886f70d010910021b"),
        bytes.fromhex("060b2a864886f70d0109100230"),
    }
)
"""id-aa-ets-archiveTimestamp of TS 101 733 V1.4.0, and its second version (EN 319 122-2, A.2.4)."""
LONG_TERM_VALIDATION = bytes.fromhex("060604008d450202")
"""id-aa-ets-longTermValidation (EN 319 122-2, A.2.5)."""
CERTIFICATE_VALUES = bytes.fromhex("060b2a864886f70d0109100217")
"""id-aa-ets-certValues (EN 319 122-2, A.1.1.2)."""
REVOCATION_VALUES = bytes.fromhex("060b2a864886f70d0109100218")
"""id-aa-ets-revocationValues (EN 319 122-2, A.1.2.2)."""
OCSP_RESPONSE = bytes.fromhex("06082b06010505071002")
"""id-ri-ocsp-response: an OCSPResponse as a RevocationInfoChoice (RFC 5940, 2.1)."""
BASIC_OCSP_RESPONSE = bytes.fromhex("06092b0601050507300101")
"""id-pkix-ocsp-basic: a BasicOCSPResponse (RFC 6960, 4.2.1). DSS has written it as a RevocationInfoChoice."""
DIGESTS = {
    "sha256": bytes.fromhex("0609608648016503040201"),
    "sha384": bytes.fromhex("0609608648016503040202"),
    "sha512": bytes.fromhex("0609608648016503040203"),
}
"""RFC 5754, 2."""
