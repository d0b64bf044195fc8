"""Judging may ask responders that do not answer: that must be the affair of whoever asked."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from signroom.domain.security_context import ANY, TEST, ContextRules, RevocationRule, SecurityContext
from signroom.domain.signature import CertificateChain
from signroom.ports.files import Turn
from signroom.service.certificates.authenticate_person import begin_authentication, complete_authentication
from signroom.service.certificates.judge_certificate import judging, only_computes
from signroom.service.certificates.judge_certificates import judge_certificates
from signroom.service.sessions.open_session import OpenSession, open_session
from signroom.store.sql import SqlStore
from tests.harness.waiting import SECONDS
from tests.pki import three_tiers
from tests.service.conftest import Room

NOT_ASKED = ContextRules(revocation=RevocationRule.NOT_ASKED)


def test_responders_that_do_not_answer_hold_no_thread_of_the_verbs_and_few_of_their_own(room: Room) -> None:
    """32 looks at certificates by one page token took every thread for the 20 s that a responder may take."""
    at_once, most = 0, 0
    answers = threading.Event()

    def slow(answer: int) -> int:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        answers.wait(SECONDS)
        time.sleep(0.005)
        at_once -= 1
        return answer

    async def flood(sessions: int, threads: int) -> tuple[int, int]:
        """How many were asked at once, and how many when a verb had got a thread. Waits until `threads` are taken."""
        nonlocal most
        answers.clear()
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        subscription, most = uuid4(), 0
        turns = [Turn(subscription, None, uuid4()) for _ in range(sessions)]
        asked = [asyncio.create_task(judging(room.ports, turn, slow, 7)) for turn in turns * 6]
        while at_once < threads:  # noqa: ASYNC110  (they run in threads)
            await asyncio.sleep(0.001)
        await asyncio.wait_for(asyncio.to_thread(int), SECONDS)
        meanwhile = at_once
        answers.set()
        asked[0].cancel()  # it keeps its place until its thread has ended
        asked[-1].cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert all(one.result() == 7 for one in asked[1:-1])
        return most, meanwhile

    of_one, held_by_one = asyncio.run(flood(1, 2))
    of_many, held_by_many = asyncio.run(flood(10, 3))

    assert of_one == 2
    assert 2 < of_many <= 16
    assert held_by_one == 2
    assert held_by_many > 2, "a verb waited for those who do not answer"


def test_the_event_loop_never_asks_the_database_for_a_context(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = three_tiers.signer("p256")
    context = SecurityContext(
        uuid4(),
        "own",
        subscription_id=room.caller.subscription_id,
        roots=(three_tiers.root().der,),
        intermediates=tuple(one.der for one in holder.issuers),
        rules=NOT_ASKED,
    )
    with room.ports.store.work() as work:
        work.security_contexts.add(context)
    begun = begin_authentication(room.ports, room.caller, context.id, revocation_may_be_unknown=True)
    opened = asyncio.run(open_session(room.ports, room.caller, OpenSession(security_context_id=context.id)))
    ask, loops = SqlStore.ask, list[object]()

    def asked(store: SqlStore) -> object:
        with suppress(RuntimeError):
            loops.append(asyncio.get_running_loop())
        return ask(store)

    monkeypatch.setattr(SqlStore, "ask", asked)
    (judged,) = asyncio.run(judge_certificates(room.ports, opened.session_id, (holder.chain,)))
    assert judged.refusal is None
    assert isinstance(holder.key, ec.EllipticCurvePrivateKey)
    value = holder.key.sign(begun.digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    completing = complete_authentication(room.ports, room.caller, begun.state, holder.der, value)
    assert asyncio.run(completing).failure is None
    assert loops == []


def test_what_a_judge_raises_is_raised(room: Room) -> None:
    async def run() -> None:
        with pytest.raises(ValueError, match="invalid literal"):
            await judging(room.ports, Turn(uuid4()), int, "x")

    asyncio.run(run())


def test_a_certificate_waits_in_its_line_when_somebody_is_asked_or_much_comes_along(room: Room) -> None:
    """A thread of the verbs is not held by a responder that hangs, nor by a chain that takes long to check."""

    def computes(issuers: int, length: int = 10, context: SecurityContext = ANY) -> bool:
        chain = CertificateChain(b"certificate", (bytes(length),) * issuers)
        return only_computes(room.ports, context, chain)

    assert computes(0)
    assert computes(3)
    assert not computes(4)
    assert not computes(1, 20 << 10)
    assert not computes(1, context=TEST)
