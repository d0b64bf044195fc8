"""What three tiers of authorities have on the network: timestamps, a responder, lists. Each can be switched off.

    with running_outside() as outside:
        providers = RemoteAuthorities([outside.provider])
        trust = outside.trust(Ages(...))
        outside.down = {"tsa", "ocsp"}

The certificates name addresses that nobody answers at. `Outside.exchange` asks the web server here instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from asn1crypto import cms, tsp
from cryptography.x509 import ocsp

from signroom.domain.security_context import TEST
from signroom.domain.timestamp import TimestampProvider
from signroom.fetch.guarded import GuardedFetch
from signroom.trust.asking.answers import NOT_KEPT, Ages, Answers
from signroom.trust.contexts import CertificateTrust, open_trust
from tests.fetch.sites import Exchange, Site, running_site
from tests.pki import three_tiers

SLOW_SECONDS = 30.0
OTHER = 3
"""The generation of the other authority."""


@dataclass
class Outside:
    """`at`: the time of all answers. `down`: some of ``tsa``, ``slow-tsa``, ``ocsp``, ``crl``."""

    site: Site
    at: datetime = three_tiers.NOW
    generation: int = 0
    """Of the timestamp authority that answers, as in `three_tiers.GENERATIONS`."""
    following: int | None = None
    """Of the one that takes its place after the next timestamp."""
    down: frozenset[str] = frozenset()
    padding: int = 0
    """Bytes that make its tokens larger."""
    fetch: GuardedFetch = field(default_factory=lambda: GuardedFetch(["127.0.0.0/8"]))

    @property
    def provider(self) -> TimestampProvider:
        return TimestampProvider("three-tiers", f"{self.site.url}/tsa", TEST)

    def exchange(
        self,
        url: str,
        *,
        limit: int,
        body: bytes | None = None,
        content_type: str | None = None,
        redirects: bool = True,
    ) -> bytes:
        address = url.replace(three_tiers.ADDRESS, self.site.url, 1)
        return self.fetch.exchange(address, limit=limit, body=body, content_type=content_type, redirects=redirects)

    def trust(self, ages: Ages = NOT_KEPT) -> CertificateTrust:
        """The test context trusts the root of the three tiers, and nobody else."""
        answers = Answers(self, None, ages, now=lambda: self.at)
        return open_trust(Path("/no-such-folder"), None, extra={TEST: [three_tiers.root().der]}, answers=answers)

    def stamp(self, exchange: Exchange) -> None:
        """RFC 3161, 3.4."""
        if "slow-tsa" in self.down:
            exchange.over.wait(SLOW_SECONDS)
        if self.down & {"tsa", "slow-tsa"}:
            exchange.answer(b"?", status=503)
            return
        query = tsp.TimeStampReq.load(exchange.body).native
        imprint, algorithm = query["message_imprint"]["hashed_message"], query["message_imprint"]["hash_algorithm"]
        more = {"nonce": query["nonce"], "algorithm": algorithm["algorithm"]}
        token = three_tiers.stamp(imprint, self.at, self.generation, padding_bytes=self.padding, **more)
        if self.following is not None:
            self.generation = self.following
        answer = {"status": {"status": "granted"}, "time_stamp_token": cms.ContentInfo.load(token)}
        exchange.answer(tsp.TimeStampResp(answer).dump())

    def tell(self, issuer: three_tiers.Holder, exchange: Exchange) -> None:
        """An OCSP response (RFC 6960) for a POST, the list of `issuer` for a GET."""
        if ("ocsp" if exchange.method == "POST" else "crl") in self.down:
            exchange.answer(b"?", status=503)
            return
        if exchange.method == "GET":
            exchange.answer(three_tiers.revocation_list(issuer, self.at))
            return
        number = ocsp.load_der_ocsp_request(exchange.body).serial_number
        holders = (three_tiers.signer(kind) for kind in three_tiers.KINDS)
        asked = next(one for one in holders if one.certificate.serial_number == number)
        exchange.answer(three_tiers.ocsp_response(asked, self.at))


@contextmanager
def running_outside() -> Iterator[Outside]:
    with running_site() as site:
        outside = Outside(site)
        site.paths["/tsa"] = outside.stamp
        stampers = [three_tiers.stamper(generation) for generation in range(len(three_tiers.GENERATIONS))]
        authorities = {three_tiers.root(), three_tiers.intermediate(), three_tiers.issuing()}
        for issuer in authorities.union(*(one.issuers for one in stampers)):
            site.paths[f"/{issuer.slug}"] = partial(outside.tell, issuer)
        yield outside
