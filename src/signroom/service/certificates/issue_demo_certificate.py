"""The test certificate: the page makes a key, the installation's demo authority certifies it for a day."""

from __future__ import annotations

from uuid import UUID

from signroom.domain.application import WORKERS, ApplicationCaller
from signroom.domain.demo import DemoFailure
from signroom.domain.errors import KeySourceNotAvailable
from signroom.domain.signature import CertificateChain
from signroom.domain.timestamp import TimestampRequest
from signroom.ports import Ports


def demo_crl(ports: Ports, authority: str | None = None) -> bytes:
    """The CRL of a demo authority, DER; None: of the current one. Raises: KeySourceNotAvailable in production."""
    if ports.demo is None:
        raise KeySourceNotAvailable
    return ports.demo.crl(ports.clock.now(), authority)


def demo_ocsp(ports: Ports, request: bytes, authority: str | None = None) -> bytes:
    """The answer of the demo's responder, DER. Raises: KeySourceNotAvailable in production, BadInput, DemoFails."""
    if ports.demo is None:
        raise KeySourceNotAvailable
    return ports.demo.ocsp(request, ports.clock.now(), authority)


def demo_root(ports: Ports) -> bytes:
    """The certificate of the demo authority, DER. Raises: KeySourceNotAvailable in production."""
    if ports.demo is None:
        raise KeySourceNotAvailable
    return ports.demo.certificate


def demo_failures(ports: Ports, caller: ApplicationCaller, failures: frozenset[DemoFailure] | None) -> list[str]:
    """What of the demo is switched off; None as `failures` changes nothing.

    Raises: NotAllowed, KeySourceNotAvailable in production.
    """
    caller.require(WORKERS)
    if ports.demo is None:
        raise KeySourceNotAvailable
    if failures is not None:
        ports.demo.fail(failures)
    return sorted(ports.demo.failures)


def demo_timestamp(ports: Ports, request: TimestampRequest) -> bytes:
    """A token of the demo's timestamp authority, DER. Raises: KeySourceNotAvailable in production, DemoFails."""
    if ports.demo is None:
        raise KeySourceNotAvailable
    return ports.demo.stamp(request, ports.clock.now())


def issue_demo_certificate(ports: Ports, session_id: UUID, public_key: bytes, name: str) -> CertificateChain:
    """Raises: KeySourceNotAvailable in production, WrongState, BadInput, CertificateKeyNotSupported."""
    if ports.demo is None:
        raise KeySourceNotAvailable("The test certificate is for trying the service only.")
    now = ports.clock.now()
    with ports.store.ask() as work:
        work.sessions.of_any_tenant(session_id).require_signable(now)
    return ports.demo.issue(public_key, name, now)
