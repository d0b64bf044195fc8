"""Who may sign where an application asks for more: certificates of a toy ICP-Brasil and a toy eIDAS PKI, with real
revocation data, through the page's API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.api.requests import SESSIONS, a_file, fetched
from tests.harness.server import Json, Server, base64, ok, refused, running_server
from tests.harness.waiting import eventually
from tests.journeys.conftest import Watched, go_on_to_signing
from tests.journeys.test_signing import choose_pfx
from tests.pki.toy_pki import ToyPki
from tests.verifiers import programs as verifiers

ICP_BRASIL = "201856ce-273c-4058-a872-8937bd547d36"
ITALY = "c438b17e-4862-446b-86ad-6f85734f0bfe"


@pytest.fixture(scope="module")
def trusting(pki: ToyPki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trusts the toy roots, and asks about revocation each time."""
    folder = tmp_path_factory.mktemp("trusting")
    for name, root in (("icp-brasil", pki.icp_root), ("italy", pki.eidas_root)):
        (folder / "roots" / name).mkdir(parents=True)
        (folder / "roots" / name / "root.crt").write_bytes(root)
    settings = {
        "SIGNROOM_TRUST_FOLDER": str(folder / "roots"),
        "SIGNROOM_REVOCATION_MAX_AGE": "0",
        "SIGNROOM_REVOCATION_LIST_MAX_AGE": "0",
    }
    with running_server(folder / "data", settings) as server:
        yield server


def preparing(server: Server, pki: ToyPki, label: str, context: str, *requirements: Json) -> Any:
    opened = server.open_session(
        documents=[a_file()], securityContextId=context, certificateRequirements=list(requirements)
    )
    chain = pki.chain(label)
    return server.page(opened["redirectUrl"]).prepare([base64(der) for der in (chain.certificate, *chain.issuers)])


DEVICE: Json = {"type": "CryptoDevice"}


@pytest.mark.parametrize(
    ("label", "context", "requirement", "code"),
    [
        ("e-cpf-a1", ICP_BRASIL, None, None),
        ("e-cpf-a3", ICP_BRASIL, DEVICE, None),
        ("e-cpf-a1", ICP_BRASIL, DEVICE, "CryptoDeviceRequired"),
        ("e-cpf-a1", ICP_BRASIL, {"type": "cpf", "argument": "123.456.789-09"}, None),
        ("e-cpf-a3", ICP_BRASIL, {"type": "Cpf", "argument": "12345678909"}, "OtherCpfRequired"),
        ("revoked", ICP_BRASIL, None, "CertificateRevoked"),
        ("expired", ICP_BRASIL, None, "CertificateExpired"),
        ("without-revocation-pointer", ICP_BRASIL, None, "CertificateRevocationStatusUnknown"),
        ("e-cpf-a1", ITALY, None, "CertificateNotTrusted"),
    ],
)
def test_the_server_decides_by_the_validated_chain(
    trusting: Server, pki: ToyPki, label: str, context: str, requirement: Json | None, code: str | None
) -> None:
    late = "CertificateRevocationStatusUnknown"

    def answered() -> Any:
        """On a busy machine the responder may be slower than a signer is let wait. Then it rests for a while."""
        answer = preparing(trusting, pki, label, context, *([requirement] if requirement else []))
        return None if late in answer.text and code != late else answer

    answer = eventually(answered)

    if code is None:
        assert answer.status_code == 200, answer.text
    else:
        assert refused(answer, 422) == code
        assert "12345678909" not in answer.text, "a CPF is nobody else's business"


def test_the_page_is_told_before_a_certificate_is_chosen(trusting: Server, pki: ToyPki) -> None:
    codes = {"e-cpf-a3": None, "e-cpf-a1": "CryptoDeviceRequired", "revoked": "CertificateRevoked"}
    chains = [pki.chain(label) for label in codes]
    opened = trusting.open_session(documents=[a_file()], securityContextId=ICP_BRASIL, certificateRequirements=[DEVICE])
    certificates = [{"certificate": base64(c.certificate), "chain": [base64(der) for der in c.issuers]} for c in chains]

    answer = trusting.page(opened["redirectUrl"]).client.post("certificates", json={"certificates": certificates})

    assert [view["code"] for view in ok(answer)["certificates"]] == list(codes.values())


def test_the_page_shows_what_is_required_without_the_whole_cpf(trusting: Server) -> None:
    required: list[Json] = [DEVICE, {"type": "Cpf", "argument": "123.456.789-09"}]
    opened = trusting.open_session(documents=[a_file()], securityContextId=ICP_BRASIL, certificateRequirements=required)

    assert trusting.page(opened["redirectUrl"]).load()["requirements"] == [
        {"type": "CryptoDevice", "argument": None},
        {"type": "Cpf", "argument": "***.456.789-**"},
    ]


@pytest.mark.parametrize(
    ("label", "context", "requirement", "told", "reason"),
    [
        ("e-cpf-a3", ICP_BRASIL, {"type": "Cpf", "argument": "12345678909"}, "***.456.789-**", "(CPF)"),
        ("revoked", ICP_BRASIL, None, None, "revoked by its issuer"),
        ("e-cpf-a1", ITALY, None, None, "an authority that is not accepted here"),
    ],
)
def test_the_page_says_what_is_required_and_why_a_certificate_is_not_that(
    trusting: Server,
    window: Watched,
    pki: ToyPki,
    tmp_path: Path,
    label: str,
    context: str,
    requirement: Json | None,
    told: str | None,
    reason: str,
) -> None:
    page, file = window.page, tmp_path / "signer.pfx"
    file.write_bytes(pki.pfx(label, "secret"))
    requirements = [requirement] if requirement else []
    opened = trusting.open_session(
        documents=[a_file()], securityContextId=context, certificateRequirements=requirements
    )
    page.goto(opened["redirectUrl"])
    if told is not None:
        expect(page.locator(".panel > .requirements").get_by_text(told)).to_be_visible()
    go_on_to_signing(page)
    choose_pfx(page, file, "secret")

    expect(page.locator(".certificate.off").get_by_text(reason)).to_be_visible()
    expect(page.get_by_role("button", name="Continue")).to_have_count(0)


def test_a_responder_that_is_down_is_not_a_yes(trusting: Server, pki: ToyPki) -> None:
    with pki.down():
        answer = preparing(trusting, pki, "e-cpf-a1", ICP_BRASIL)

    assert refused(answer, 422) == "CertificateRevocationStatusUnknown"


def test_the_signers_national_data_and_chain_are_in_the_session(trusting: Server, pki: ToyPki, tmp_path: Path) -> None:
    opened = trusting.open_session(documents=[a_file()], securityContextId=ICP_BRASIL, certificateRequirements=[DEVICE])
    chain = pki.chain("e-cpf-a3")
    trusting.page(opened["redirectUrl"]).sign(
        pki.key("e-cpf-a3"), [base64(der) for der in (chain.certificate, *reversed(chain.issuers))]
    )

    session = trusting.wait(opened["sessionId"])

    signer = session["signerCertificate"]
    assert session["status"] == "Completed"
    assert signer["pkiBrazil"]["certificateType"] == "A3"
    assert signer["pkiBrazil"]["cpf"] == "98765432100"
    assert signer["serialNumber"].isdecimal()
    names = []
    while signer is not None:
        names.append(signer["subjectCommonName"])
        assert signer["pkiItaly"]["certificateType"] == "Undefined"
        signer = signer["issuer"]
    assert len(names) == 4, names
    signed = fetched(session["documents"][0]["signedFile"]["location"], tmp_path)
    assert verifiers.pyhanko(signed, [pki.icp_root])[0].intact


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"certificateRequirements": [{"type": "Eyes"}]}, 400, "BadRequest"),
        ({"certificateRequirements": [{"type": "Cpf", "argument": "12345678900"}]}, 400, "BadRequest"),
        ({"certificateRequirements": [{"type": "Cpf"}]}, 400, "BadRequest"),
        ({"securityContextId": "00000000-0000-0000-0000-000000000000"}, 422, "SecurityContextNotFound"),
        ({"securityContextId": "italy"}, 400, "BadRequest"),
    ],
)
def test_a_requirement_that_makes_no_sense_is_refused(
    trusting: Server, fields: dict[str, Any], status: int, code: str
) -> None:
    assert refused(trusting.api.post(SESSIONS, json=fields), status) == code
