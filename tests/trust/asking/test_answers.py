"""Answers are asked for once, kept as long as they count, and checked wherever they are used."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from asn1crypto import pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.engine import Engine

from signroom.blobs.objects import open_blobs
from signroom.domain.certificate import CertificateUse
from signroom.domain.security_context import ICP_BRASIL
from signroom.domain.validation import Check
from signroom.fetch.guarded import GuardedFetch
from signroom.formats.certificate import load_list
from signroom.ports.outside import KeptAnswer, Unreachable
from signroom.store.engine import open_engine
from signroom.store.revocation.kept import SqlAnswerStore
from signroom.trust.asking.answers import Ages, Answers, Question
from signroom.trust.contexts import CertificateTrust, open_trust
from signroom.trust.revocation import MAX_CRL
from tests.pki.toy_pki import ToyPki
from tests.trust.fetching import FixedFetch, PlainFetch
from tests.trust.reading import errors

NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)
OF_SIGNERS = CertificateUse.SIGNATURES
AGES = Ages(response=10 * MINUTE, list=timedelta(hours=24))
QUESTION = Question("http://lists.example.org/a.crl", 1000)


class Watch:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


class Counted:
    def __init__(self) -> None:
        self.labels: list[str] = []

    def __call__(self, _what: str, label: str) -> None:
        self.labels.append(label)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def trusting(pki: ToyPki, answers: Answers, folder: Path) -> CertificateTrust:
    return open_trust(folder / "none", None, extra={ICP_BRASIL: [pki.icp_root]}, answers=answers)


# -- one question ------------------------------------------------------------------------------------


class SlowFetch(PlainFetch):
    """Answers when it is `released`; says when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.released = threading.Event(), threading.Event()

    def exchange(self, url: str, *, limit: int, body: bytes | None = None, content_type: str | None = None) -> bytes:
        self.asked.append(url)
        self.reached.set()
        self.released.wait(30)
        return b"answer"


def test_a_hundred_who_ask_at_once_make_one_request(watch: Watch) -> None:
    fetch = SlowFetch()
    answers = Answers(fetch, ages=AGES, now=watch.now)
    with ThreadPoolExecutor(100) as threads:
        asked = [threads.submit(answers.ask, QUESTION, 20) for _ in range(100)]
        fetch.reached.wait(20)
        fetch.released.set()
        heard = {id(one.result()) for one in asked}
    assert len(heard) == 1
    assert fetch.asked == [QUESTION.url]


def test_who_waits_for_another_waits_no_longer_than_it_may() -> None:
    fetch = SlowFetch()
    answers = Answers(fetch)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(answers.ask, QUESTION, 20)
        fetch.reached.wait(20)
        with pytest.raises(Unreachable, match="too long"):
            answers.ask(QUESTION, 0.01)
        fetch.released.set()
        assert first.result().octets == b"answer"


def test_a_fault_while_asking_holds_nobody(watch: Watch) -> None:
    class Broken(PlainFetch):
        def exchange(self, url: str, **_: object) -> bytes:
            raise RuntimeError

    answers = Answers(Broken(), ages=AGES, now=watch.now)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            answers.ask(QUESTION, 5)


def test_a_failure_is_remembered_for_a_moment(watch: Watch) -> None:
    fetch, counted = PlainFetch(), Counted()
    answers = Answers(fetch, ages=AGES, now=watch.now, count=counted)
    nobody = Question("http://127.0.0.1:1/", 10)
    for _ in range(3):
        with pytest.raises(Unreachable):
            answers.ask(nobody, 5)
    watch.time += timedelta(seconds=6)
    with pytest.raises(Unreachable):
        answers.ask(nobody, 5)
    assert len(fetch.asked) == 2
    assert counted.labels == ["failed"] * 4


def test_what_nobody_has_checked_is_forgotten_after_a_moment(watch: Watch) -> None:
    fetch, counted = FixedFetch(b"junk"), Counted()
    answers = Answers(fetch, ages=AGES, now=watch.now, count=counted)
    heard = answers.ask(QUESTION, 5)
    # It was of no use, but it has just come.
    assert answers.ask(QUESTION, 5, besides=heard) is heard
    watch.time += timedelta(seconds=6)
    assert answers.kept(QUESTION) is None
    answers.ask(QUESTION, 5)
    assert counted.labels == ["asked", "kept", "asked"]


def test_one_that_was_kept_and_is_of_no_use_is_asked_for_anew(watch: Watch) -> None:
    fetch = FixedFetch(b"answer")
    answers = Answers(fetch, ages=AGES, now=watch.now)
    heard = answers.ask(QUESTION, 5)
    answers.confirm(heard, NOW + 60 * MINUTE)
    watch.time += MINUTE
    assert answers.ask(QUESTION, 5) is heard
    assert answers.ask(QUESTION, 5, besides=heard) is not heard
    assert len(fetch.asked) == 2


def test_memory_is_bounded(watch: Watch) -> None:
    fetch = FixedFetch(b"x" * 4000)
    answers = Answers(fetch, ages=AGES, now=watch.now, memory=10_000)
    questions = [Question(f"http://lists.example.org/{number}", 5000) for number in range(4)]
    for question in questions:
        answers.confirm(answers.ask(question, 5), NOW + MINUTE)
    assert [answers.kept(question) is not None for question in questions] == [False, False, True, True]


def test_who_asks_after_the_end_is_answered_all_the_same(tmp_path: Path, engine: Engine, watch: Watch) -> None:
    store = SqlAnswerStore(engine, open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch"))
    answers = Answers(FixedFetch(b"answer"), store, AGES, now=watch.now)
    answers.close()
    answers.confirm(answers.ask(QUESTION, 5), NOW + MINUTE)
    assert answers.kept(QUESTION) is not None
    assert store.summary(NOW).count == 0


def test_nothing_is_kept_without_an_age(watch: Watch) -> None:
    fetch = FixedFetch(b"answer")
    answers = Answers(fetch, now=watch.now)
    for _ in range(2):
        answers.confirm(answers.ask(QUESTION, 5), NOW)
    assert len(fetch.asked) == 2


# -- judgements --------------------------------------------------------------------------------------


def test_a_second_judgement_asks_nobody_until_the_answers_are_too_old(
    pki: ToyPki, tmp_path: Path, watch: Watch
) -> None:
    fetch = PlainFetch()
    trust = trusting(pki, Answers(fetch, ages=AGES, now=watch.now), tmp_path)
    chain = pki.chain("e-cpf-a1")
    assert trust.judge(chain, ICP_BRASIL, watch.now()).trusted
    assert len(fetch.asked) == 3
    watch.time += 9 * MINUTE
    assert trust.judge(chain, ICP_BRASIL, watch.now()).trusted
    assert len(fetch.asked) == 3
    # The responses of the toy PKI count for ten minutes, its lists for a day at least.
    watch.time += 2 * MINUTE
    assert trust.judge(chain, ICP_BRASIL, NOW).trusted
    assert [url.rpartition("/")[2] for url in fetch.asked[3:]] == ["ac2"]


def test_answers_outlive_the_process_in_one_statement(
    pki: ToyPki, tmp_path: Path, engine: Engine, watch: Watch
) -> None:
    store = SqlAnswerStore(engine, open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch"))
    first = Answers(PlainFetch(), store, AGES, now=watch.now)
    assert trusting(pki, first, tmp_path).judge(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW).trusted
    first.close()

    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    fetch = PlainFetch()
    second = Answers(fetch, store, AGES, now=watch.now)
    trust = trusting(pki, second, tmp_path)
    assert trust.judge(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW).trusted
    assert trust.collect(pki.chain("e-cpf-a1"), ICP_BRASIL, NOW, use=OF_SIGNERS).complete
    second.close()
    assert fetch.asked == []
    assert len([line for line in statements if "signroom_answers" in line]) == 1


def test_a_forged_answer_in_the_store_says_nothing(pki: ToyPki, tmp_path: Path, engine: Engine, watch: Watch) -> None:
    """Whoever writes into the database makes no revoked certificate good."""
    store = SqlAnswerStore(engine, open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch"))
    address = f"{pki.url}/icp/crls/ac-crl/latest.crl"
    name = x509.load_der_x509_certificate(pki.certificate("ac-crl")).subject
    forged = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name)
        .last_update(NOW - MINUTE)
        .next_update(NOW + 60 * MINUTE)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    store.keep([KeptAnswer(Question(address, 1).key, forged, NOW, NOW + 60 * MINUTE)])
    fetch = PlainFetch()
    answers = Answers(fetch, store, AGES, now=watch.now)
    verdict = trusting(pki, answers, tmp_path).judge(pki.chain("revoked-crl-only"), ICP_BRASIL, NOW)
    answers.close()
    assert errors(verdict.results) == [Check.CERTIFICATE_REVOKED]
    assert address in fetch.asked


def test_offline_the_kept_answers_count(pki: ToyPki, tmp_path: Path, watch: Watch) -> None:
    fetch = PlainFetch()
    trust = trusting(pki, Answers(fetch, ages=AGES, now=watch.now), tmp_path)
    chain = pki.chain("revoked")
    before = trust.judge(chain, ICP_BRASIL, NOW, revocation_may_be_unknown=True, offline=True)
    assert before.trusted
    assert fetch.asked == []
    assert not trust.judge(chain, ICP_BRASIL, NOW).trusted
    fetch.asked.clear()
    after = trust.judge(chain, ICP_BRASIL, NOW, revocation_may_be_unknown=True, offline=True)
    assert errors(after.results) == [Check.CERTIFICATE_REVOKED]
    assert fetch.asked == []


def test_a_store_that_is_away_changes_nothing_but_the_questions(pki: ToyPki, tmp_path: Path, watch: Watch) -> None:
    away = open_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=1")
    store = SqlAnswerStore(away, open_blobs(f"file://{tmp_path}/files", tmp_path / "scratch"))
    answers = Answers(PlainFetch(), store, AGES, now=watch.now)
    assert trusting(pki, answers, tmp_path).judge(pki.chain("crl-only"), ICP_BRASIL, NOW).trusted
    answers.close()


def test_a_list_in_pem_counts_and_is_evidence_in_der(pki: ToyPki, tmp_path: Path) -> None:
    der = pki.answers.crl("icp", "ac-crl")
    as_pem = pem.armor("X509 CRL", der)
    trust = trusting(pki, Answers(PlainFetch()), tmp_path)
    with pki.answering("/icp/crls/ac-crl/latest.crl", as_pem):
        evidence = trust.collect(pki.chain("crl-only"), ICP_BRASIL, NOW, use=OF_SIGNERS)
    assert evidence.complete
    assert der in evidence.data.lists
    with pki.answering("/icp/crls/ac-crl/latest.crl", pem.armor("CERTIFICATE", der)):
        assert not trust.judge(pki.chain("crl-only"), ICP_BRASIL, NOW).trusted


def test_a_large_list_is_read_and_verified_once(
    pki: ToyPki, tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def reading(der: bytes) -> x509.CertificateRevocationList:
        read.append(len(der))
        return load_list(der)

    monkeypatch.setattr("signroom.trust.lists.load_list", reading)
    trust = trusting(pki, Answers(PlainFetch(), ages=AGES, now=watch.now), tmp_path)
    for _ in range(3):
        assert trust.judge(pki.chain("crl-only"), ICP_BRASIL, NOW).trusted
    assert len(read) == 3  # one for each certificate below the root


def test_a_list_of_60_mb_says_nothing(pki: ToyPki) -> None:
    address = f"{pki.url}/icp/crls/ac-crl/latest.crl"
    with pki.answering("/icp/crls/ac-crl/latest.crl", b"\x30" * (60 << 20)):
        answers = Answers(GuardedFetch(["127.0.0.0/8"]))
        with pytest.raises(Unreachable, match="more than"):
            answers.ask(Question(address, MAX_CRL), 30)
