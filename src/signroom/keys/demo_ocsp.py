"""The OCSP responder of the sandbox (RFC 6960). The authority signs its answers itself: there is no other key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from signroom.domain.errors import BadInput

_LIFETIME = timedelta(hours=1)
_CLOCK_SKEW = timedelta(minutes=5)
_REVOKED_ON = datetime(2026, 1, 1, tzinfo=UTC)
_SERIAL_NUMBER_BITS = 159
_DER = serialization.Encoding.DER


def answer_ocsp(
    octets: bytes, issuer: x509.Certificate, key: ec.EllipticCurvePrivateKey, revoked_serial_number: int, now: datetime
) -> bytes:
    """OCSPResponse, DER: everything is good but the one certificate that is revoked. Raises: BadInput.

    A certificate of another issuer is none of its business: the answer is ``unauthorized`` (RFC 6960, 2.3).
    """
    try:
        request = ocsp.load_der_ocsp_request(octets)
        name_hash, key_hash = request.issuer_name_hash, request.issuer_key_hash
        algorithm, serial_number = request.hash_algorithm, request.serial_number
        # In here, too: digests that the library reads and does not make.
        named = _named(issuer, algorithm)
    except (ValueError, TypeError, NotImplementedError, UnsupportedAlgorithm) as error:
        raise BadInput("The body is not an OCSP request.") from error
    # RFC 5280, 4.1.2.2: a serial number is positive and has at most 20 octets.
    if not 0 < serial_number < 1 << _SERIAL_NUMBER_BITS:
        raise BadInput("The serial number is none that an authority gives.")
    if (name_hash, key_hash) != named:
        unauthorized = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        return unauthorized.public_bytes(_DER)
    revoked = serial_number == revoked_serial_number
    moment = now.replace(microsecond=0)
    builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=name_hash,
        issuer_key_hash=key_hash,
        serial_number=serial_number,
        algorithm=algorithm,
        cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
        this_update=moment - _CLOCK_SKEW,
        next_update=moment + _LIFETIME,
        revocation_time=_REVOKED_ON if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer).sign(key, hashes.SHA256())
    return signed.public_bytes(_DER)


def _named(issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    """Digests of the issuer's name and key (RFC 6960, 4.1.1), as the library makes them for a request."""
    made = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, algorithm).build()
    return made.issuer_name_hash, made.issuer_key_hash
