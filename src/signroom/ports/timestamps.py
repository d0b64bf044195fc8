"""Timestamp authorities: who may be asked, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from signroom.domain.security_context import SecurityContext
from signroom.domain.signature import CertificateChain
from signroom.domain.timestamp import Timestamp, TimestampProvider, TimestampRequest
from signroom.domain.timestamp_provider import StoredProvider


class NoTimestamp(Exception):
    """A provider gave no token that can be used. It never reaches a client: the verb asks the next provider."""

    def __init__(self, reason: str, failure: str | None = None, *, asked: bool = True, late: bool = False) -> None:
        """`reason` is one sentence for the log. It holds no secret. `failure`: the authority refused what the caller
        asked for, a policy or a digest; it is not to blame. As in `BadQuery`. `asked`: False when another caller has
        found out. `late`: it did not answer in the time that it had.
        """
        super().__init__(reason)
        self.reason, self.failure, self.asked, self.late = reason, failure, asked, late


class BadQuery(Exception):
    """A query that is refused by an answer of the protocol. `failure`: the name of a bit of PKIFailureInfo."""

    def __init__(self, failure: str, reason: str) -> None:
        """`failure` as in RFC 3161, 2.4.2: ``bad_alg``, ``bad_data_format`` ...; `reason` is one English sentence."""
        super().__init__(reason)
        self.failure, self.reason = failure, reason


class TimestampAuthorities(Protocol):
    """The providers of this installation."""

    def of_tier(self, tier: str) -> Sequence[TimestampProvider]:
        """In the order in which they are to be asked now. Empty for a tier that has none. Call it once per token.

        The lowest priority comes first. Providers of one priority take turns. A provider that failed a short time ago
        comes after all others. A change of the stored ones is seen within five seconds. The call may wait for the
        database: not from an event loop.
        """

    @property
    def configured(self) -> Sequence[TimestampProvider]:
        """Those of the settings. A command or the API does not change them."""

    def opened(self, stored: StoredProvider) -> TimestampProvider:
        """A stored one with its secret, ready to be asked. Raises: SecretUnreadable."""

    def require_client_certificate(self, pem: str) -> None:
        """A certificate and its key that TLS can be spoken with. Raises: BadTimestampProvider."""

    def rests(self, provider: TimestampProvider, *, finds_out: bool) -> bool:
        """True when the provider failed a moment ago: whoever can go on without its token does so.

        From time to time one caller who says `finds_out` gets False, and finds out whether it is back. Whoever makes a
        signer wait does not.
        """

    def contexts_of(self, tier: str) -> Sequence[SecurityContext]:
        """By which the tokens of this tier are judged, each once. Empty for a tier that has no provider.

        This takes no provider's turn, as `of_tier` does. It may wait for the database as well.
        """

    def all_rest(self, tier: str) -> bool:
        """Nobody of the tier is asked now: all have failed, and it is not time yet to find out who is back."""

    async def ask(
        self,
        provider: TimestampProvider,
        request: TimestampRequest,
        *,
        seconds: float,
        behind_another: float | None = None,
    ) -> Timestamp:
        """A token for `request`, checked but for trust, within `seconds`. Raises: NoTimestamp.

        While it is not known that a provider answers, one caller asks it and the others wait for what becomes of that.
        So a provider that hangs is asked once, and holds nobody for longer than one answer may take. They wait for
        `behind_another` seconds at most; None: for `seconds`.
        """

    def last_authority(self, provider: TimestampProvider) -> CertificateChain | None:
        """Who has signed the last token of this provider. None when nobody knows, or only what was an hour ago."""

    def set_back(self, provider: TimestampProvider, reason: str) -> None:
        """The provider's answer was of no use: for some time the others are asked first. `reason` is for the log."""

    def read_query(self, octets: bytes) -> TimestampRequest:
        """A caller's TimeStampReq (RFC 3161, 2.4.1). Raises: BadQuery."""

    def write_granted(self, request: TimestampRequest, token: bytes) -> bytes:
        """The answer that holds `token`: TimeStampResp (RFC 3161, 2.4.2), DER; with certificates when wanted."""

    def write_rejected(self, failure: str, reason: str) -> bytes:
        """The answer without a token. The arguments are those of `BadQuery`."""
