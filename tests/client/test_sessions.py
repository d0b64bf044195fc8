"""Signature sessions by the client, against the real service on both databases."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from signroom_client import (
    ApiError,
    BadRequestError,
    CertificateRequirement,
    DocumentStatus,
    FileReference,
    NewDocument,
    RefusedError,
    SecurityContexts,
    ServerError,
    SessionStatus,
    SignatureType,
    SignroomClient,
    UnauthorizedError,
    WaitTimedOutError,
)

from tests.client.conftest import PDF, sign
from tests.client.loopback import CUT, Told, loopback, refused, told
from tests.harness.server import Server
from tests.harness.waiting import SECONDS
from tests.verifiers.programs import nss_database, require_accepted


def test_the_whole_way_from_a_path_to_a_signed_file(
    server: Server, signroom: SignroomClient, pdf: Path, tmp_path: Path
) -> None:
    created = signroom.create_session(
        return_url="https://app.example/back?x=1",
        callback_argument="order 42",
        documents=[pdf],
        document_metadata={"case": "42"},
        security_context_id=SecurityContexts.TEST,
    )
    pending = signroom.get_session(created.session_id)
    sign(server, created.redirect_url)
    session = signroom.when_completed(created.session_id, timeout=60)

    assert pending.status is SessionStatus.PENDING
    assert [d.status for d in pending.documents] == [DocumentStatus.PENDING_SIGNATURE]
    assert session.completed
    assert session.callback_argument == "order 42"
    assert session.signer_certificate is not None
    assert session.signer_certificate.subject_name.common_name == "Ana (DEMO)"
    (document,) = session.documents
    assert document.date_signed is not None
    assert abs(document.date_signed - datetime.now(UTC)) < timedelta(minutes=2)
    target = tmp_path / "signed.pdf"
    assert signroom.download(document, target) == target.stat().st_size
    assert target.read_bytes().startswith(PDF)


def test_a_document_says_who_signed_it(server: Server, signroom: SignroomClient) -> None:
    created = signroom.create_session(documents=[FileReference.from_bytes(PDF, "acordo é.pdf")])
    sign(server, created.redirect_url)
    summary = signroom.when_completed(created.session_id).documents[0]

    document = signroom.get_document(summary.id)
    signers = signroom.get_document_signers(str(summary.id))

    assert document.original_file is not None
    assert document.original_file.name == "acordo é.pdf"
    assert [signer.certificate.subject_common_name for signer in document.signers] == ["Ana (DEMO)"]
    assert [signer.certificate.subject_common_name for signer in signers if signer.certificate] == ["Ana (DEMO)"]
    assert document.signature_type is SignatureType.PDF


def test_an_earlier_document_is_signed_once_more(server: Server, signroom: SignroomClient) -> None:
    created = signroom.create_session(documents=[FileReference.from_bytes(PDF, "a.pdf")])
    sign(server, created.redirect_url)
    first = signroom.when_completed(created.session_id).documents[0]

    again = signroom.create_session(documents=[NewDocument(first.id)])
    sign(server, again.redirect_url)
    second = signroom.when_completed(again.session_id).documents[0]

    assert second.id != first.id
    assert len(signroom.get_document_signers(second.id)) == 2


def test_a_session_without_documents_is_for_the_users_own(server: Server, signroom: SignroomClient) -> None:
    created = signroom.create_session(return_url="https://app.example/")
    page = server.page(created.redirect_url)
    page.add(PDF)
    page.sign(*page.demo_key())

    session = signroom.when_completed(created.session_id, timeout=60)

    assert [d.status for d in session.documents] == [DocumentStatus.COMPLETED]


def test_every_choice_of_a_request_reaches_the_service(signroom: SignroomClient) -> None:
    """Each is one that the service refuses by name, so that a field that is lost on the way shows."""
    cases: dict[str, dict[str, Any]] = {
        "BadReturnUrl": {"return_url": "/relative"},
        "BadCallbackArgument": {"callback_argument": "x" * 1025},
        "BadMetadata": {"document_metadata": {"bad/name": "x"}},
        "SecurityContextNotFound": {"security_context_id": uuid4()},
        "BadRequest": {"certificate_requirements": [CertificateRequirement.cpf("not a number")]},
        "DocumentKeyNotFound": {
            "documents": [NewDocument(FileReference.from_bytes(PDF, "a.pdf"), document_key="AAAABBBBCCCCDDDD")]
        },
        "InvalidPdf": {"documents": [FileReference.from_bytes(b"%PDF-1.7 nothing", "a.pdf")]},
    }
    found = {}
    for code, choice in cases.items():
        with pytest.raises((BadRequestError, RefusedError)) as caught:
            signroom.create_session(**choice)
        found[code] = caught.value.code

    assert found == {code: code for code in cases}


def test_an_unknown_session_is_a_refusal_with_its_code(signroom: SignroomClient) -> None:
    with pytest.raises(RefusedError) as caught:
        signroom.get_session(uuid4())

    assert (caught.value.status, caught.value.code) == (422, "SignatureSessionNotFound")


def test_a_wrong_key_is_unauthorized(server: Server) -> None:
    with SignroomClient(server.url, "app|wrong") as stranger, pytest.raises(UnauthorizedError):
        stranger.create_session()


# -- idempotency, list, cancel ---------------------------------------------------------------------


def test_the_same_key_opens_one_session(signroom: SignroomClient, pdf: Path) -> None:
    key = f"order-{uuid4()}"

    first = signroom.create_session(documents=[pdf], idempotency_key=key)
    again = signroom.create_session(documents=[pdf], idempotency_key=key)

    assert again == first
    with pytest.raises(RefusedError) as caught:
        signroom.create_session(callback_argument="other", documents=[pdf], idempotency_key=key)
    assert caught.value.code == "IdempotencyKeyReused"


def test_lists_go_through_all_pages(signroom: SignroomClient) -> None:
    order = f"list {uuid4()}"
    made = [signroom.create_session(callback_argument=order).session_id for _ in range(5)]

    listed = list(signroom.list_sessions(callback_argument=order, page_size=2))

    assert [session.id for session in listed] == made[::-1]
    assert {session.callback_argument for session in listed} == {order}
    assert all(session.expires_at > session.created_at for session in listed)


def test_lists_are_filtered(signroom: SignroomClient) -> None:
    order = f"filter {uuid4()}"
    before = datetime.now(UTC) - timedelta(seconds=2)
    kept, cancelled = (signroom.create_session(callback_argument=order).session_id for _ in range(2))
    signroom.cancel_session(cancelled)

    def found(**wanted: object) -> set[object]:
        return {session.id for session in signroom.list_sessions(callback_argument=order, **wanted)}  # type: ignore[arg-type]

    assert found(status=SessionStatus.PENDING) == {kept}
    assert found(status="UserCancelled") == {cancelled}
    assert found(status=[SessionStatus.PENDING, SessionStatus.USER_CANCELLED]) == {kept, cancelled}
    assert found(created_from=before) == {kept, cancelled}
    assert found(created_before=before) == set()


def test_a_list_may_be_left_in_the_middle(signroom: SignroomClient) -> None:
    order = f"middle {uuid4()}"
    made = [signroom.create_session(callback_argument=order).session_id for _ in range(3)]

    for session in signroom.list_sessions(callback_argument=order, page_size=1):
        assert session.id == made[-1]
        break

    assert signroom.get_session(made[0]).status is SessionStatus.PENDING


def test_cancelling_ends_a_session_and_may_be_repeated(signroom: SignroomClient) -> None:
    created = signroom.create_session()

    once, twice = (signroom.cancel_session(created.session_id) for _ in range(2))

    assert once == twice
    assert once.status is SessionStatus.USER_CANCELLED


# -- waiting ---------------------------------------------------------------------------------------


def test_waiting_for_a_session_that_nobody_signed_is_refused(signroom: SignroomClient) -> None:
    created = signroom.create_session()

    with pytest.raises(RefusedError) as caught:
        signroom.when_completed(created.session_id, timeout=SECONDS)

    assert caught.value.code == "BadSignatureSessionOperation"


def test_waiting_goes_on_until_it_is_completed_and_tells_how_far() -> None:
    session = told({"id": str(uuid4()), "status": "Completed", "documents": []})
    steps = [told({"completed": False, "progress": 25}), told({"completed": True, "progress": 100})]
    heard: list[float] = []

    with loopback(*steps, session) as service, SignroomClient(service.url, "k") as client:
        assert client.when_completed(uuid4(), on_progress=heard.append).completed

    assert heard == [25, 100]


def test_waiting_survives_a_service_that_restarts() -> None:
    session = told({"id": str(uuid4()), "status": "Completed", "documents": []})
    down = refused(503, "ServiceUnavailable", {"Retry-After": "0"})

    with (
        loopback(down, told({"completed": True, "progress": 100}), session) as service,
        SignroomClient(service.url, "k") as client,
    ):
        assert client.when_completed(uuid4(), timeout=SECONDS).completed


def test_waiting_ends_in_time_when_answers_come() -> None:
    with loopback(told({"completed": False, "progress": 40})) as service, SignroomClient(service.url, "k") as client:
        started = time.monotonic()
        with pytest.raises(WaitTimedOutError) as caught:
            client.when_completed(uuid4(), timeout=1.5)

    assert caught.value.progress == 40
    assert 1.5 <= time.monotonic() - started < 12
    assert len(service.heard) < 5, "an answer that comes at once is not asked for again at once"


def test_waiting_ends_in_time_when_the_answer_is_held() -> None:
    with loopback(Told(after=20)) as service, SignroomClient(service.url, "k") as client:
        started = time.monotonic()
        with pytest.raises(WaitTimedOutError):
            client.when_completed(uuid4(), timeout=1)

    assert time.monotonic() - started < 12


@pytest.mark.parametrize(
    "failure",
    [
        refused(503, "ProcessingUnavailable", {"Retry-After": "30"}),
        refused(429, "TooManyRequests", {"Retry-After": "30"}),
        CUT,
    ],
)
def test_waiting_ends_in_time_when_the_service_fails(failure: Told) -> None:
    with loopback(failure) as service, SignroomClient(service.url, "k", max_retries=50) as client:
        started = time.monotonic()
        with pytest.raises(WaitTimedOutError):
            client.when_completed(uuid4(), timeout=1.5)

    assert time.monotonic() - started < 12


@pytest.mark.parametrize("timeout", [0, -1])
def test_without_time_it_is_asked_once(timeout: float) -> None:
    session = told({"id": str(uuid4()), "status": "Completed", "documents": []})
    done = told({"completed": True, "progress": 100})

    with loopback(done, session) as service, SignroomClient(service.url, "k") as client:
        assert client.when_completed(uuid4(), timeout=timeout).completed
    with (
        loopback(told({"completed": False, "progress": 40})) as service,
        SignroomClient(service.url, "k") as client,
        pytest.raises(WaitTimedOutError),
    ):
        client.when_completed(uuid4(), timeout=timeout)

    assert len(service.heard) == 1


@pytest.mark.parametrize(("status", "kind"), [(422, RefusedError), (500, ServerError)])
def test_a_refusal_that_comes_late_is_one(status: int, kind: type[ApiError]) -> None:
    with (
        loopback(refused(status, "No")) as service,
        SignroomClient(service.url, "k") as client,
        pytest.raises(kind),
    ):
        client.when_completed(uuid4(), timeout=0)


def test_a_signed_file_holds_for_a_stranger(
    server: Server, signroom: SignroomClient, pdf: Path, tmp_path: Path
) -> None:
    created = signroom.create_session(documents=[NewDocument(pdf, signature_type=SignatureType.PDF)])
    sign(server, created.redirect_url)
    document = signroom.when_completed(created.session_id).documents[0]
    target = io.BytesIO()

    signroom.download(document, target)

    (tmp_path / "s.pdf").write_bytes(target.getvalue())
    root = x509.load_pem_x509_certificate(server.ca_certificate.read_bytes()).public_bytes(Encoding.DER)
    require_accepted(tmp_path / "s.pdf", nss_database(tmp_path / "nss", [root]), [root])
