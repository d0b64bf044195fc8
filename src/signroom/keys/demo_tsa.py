"""The timestamp authority of the sandbox (RFC 3161): its certificate is issued by the demo authority.

The time is this machine's. Tokens are as real ones are, so that what is tried with them works with a real authority;
like everything from the demo authority they have no legal value.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256

from asn1crypto import algos, cms, core, tsp, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from signroom.domain.timestamp import TimestampRequest

POLICY = "2.999.1.1"
"""From the arc for examples (ITU-T X.660)."""
_ACCURACY_SECONDS = 1


class DemoTsa:
    """Signs tokens with a P-256 key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: bytes, issuer: bytes) -> None:
        """`certificate` and its `issuer`, DER."""
        self._key, self._certificate, self._issuer = key, certificate, issuer

    def stamp(self, request: TimestampRequest, now: datetime) -> bytes:
        """A token that says that `request` came at `now`, DER."""
        info = tsp.TSTInfo(
            {
                "version": 1,
                "policy": POLICY,
                "message_imprint": {
                    "hash_algorithm": {"algorithm": request.imprint.algorithm.value.lower()},
                    "hashed_message": request.imprint.digest,
                },
                "serial_number": secrets.randbits(127) | 1,
                "gen_time": now.replace(microsecond=0),
                "accuracy": {"seconds": _ACCURACY_SECONDS},
                **({} if request.nonce is None else {"nonce": request.nonce}),
            }
        ).dump()
        attributes = self._attributes(info, now)
        value = self._key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256()))
        leaf = x509.Certificate.load(self._certificate)
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": {"issuer_and_serial_number": {"issuer": leaf.issuer, "serial_number": leaf.serial_number}},
                "digest_algorithm": {"algorithm": "sha256"},
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                "signature": value,
            }
        )
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [{"algorithm": "sha256"}],
                "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(info)},
                "signer_infos": [signer],
                **({"certificates": self._chain()} if request.wants_certificates else {}),
            }
        )
        token: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
        return token

    def _chain(self) -> list[x509.Certificate]:
        return [x509.Certificate.load(self._certificate), x509.Certificate.load(self._issuer)]

    def _attributes(self, info: bytes, now: datetime) -> cms.CMSAttributes:
        """Content-type, message-digest, signing-time and signing-certificate-v2 (RFC 5652, 11; RFC 5816)."""
        binding = tsp.SigningCertificateV2(
            {
                "certs": [
                    {
                        "hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                        "cert_hash": sha256(self._certificate).digest(),
                    }
                ]
            }
        )
        return cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {"type": "message_digest", "values": [sha256(info).digest()]},
                {"type": "signing_time", "values": [cms.Time({"utc_time": now.replace(microsecond=0)})]},
                {"type": "signing_certificate_v2", "values": [binding]},
            ]
        )
