"""Lists fetched, kept, handed in as files, and read again."""

from __future__ import annotations

import errno
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from signroom.domain.errors import BadTrustedList
from signroom.domain.security_context import EU, ITALY
from signroom.ports.outside import Fetched, Unreachable
from signroom.trust.anchor_folder import AnchorFolder, BrokenTrustFile, changing_certificates
from signroom.trust.european import keeper
from signroom.trust.european.keeper import EuropeanAnchors, TrustedLists, Wanted
from signroom.trust.european.list_folder import GRACE, ListFolder
from signroom.trust.european.signed_lists import ANCHORED
from tests.harness.waiting import eventually
from tests.trust.european.made_lists import (
    MASTER_ADDRESS,
    NATIONAL_ADDRESS,
    NOW,
    Facts,
    Service,
    holder,
    made,
    master_list,
    national_list,
    signers,
)
from tests.trust.fetching import PlainFetch

_CA = holder("CA", is_ca=True)
_MASTER, _NATIONAL, _STRANGER = signers()
_MADE = made([Service(_CA.der)])
_LATER = Facts(sequence=8)
_DAY = timedelta(days=1)


class _Web(PlainFetch):
    """Answers from memory."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = {MASTER_ADDRESS: _MADE.master, NATIONAL_ADDRESS: _MADE.national}

    @asynccontextmanager
    async def stream(self, url: str, *, limit: int) -> AsyncIterator[Fetched]:
        if url not in self.pages:
            raise Unreachable("It answered with status 503.")

        async def chunks() -> AsyncIterator[bytes]:
            yield self.pages[url][:limit]

        yield Fetched(None, None, chunks())


@pytest.fixture
def web() -> _Web:
    return _Web()


@pytest.fixture
def folder(tmp_path: Path) -> ListFolder:
    return ListFolder(tmp_path / "lists", lambda: [_MASTER.der])


@pytest.fixture
def kept(folder: ListFolder) -> ListFolder:
    """With the lists that were good before."""
    folder.folder.mkdir()
    for name, content in (("lotl.xml", _MADE.master), ("PT.xml", _MADE.national)):
        (folder.folder / name).write_bytes(content)
    return folder


@pytest.fixture
def lists(folder: ListFolder, web: _Web) -> TrustedLists:
    return TrustedLists(folder, web, Wanted(address=MASTER_ADDRESS), lambda: NOW)


def test_fetched_lists_become_roots_of_the_context_and_of_no_other(lists: TrustedLists, tmp_path: Path) -> None:
    anchors = EuropeanAnchors(AnchorFolder(tmp_path / "none", {}), lists)
    assert not anchors.anchors(EU).configured
    assert lists.refresh().refused == {}
    lists.load()
    assert anchors.anchors(EU).configured
    assert not anchors.anchors(ITALY).configured


def test_a_restart_needs_no_network(kept: ListFolder) -> None:
    services = TrustedLists(kept, now=lambda: NOW).services()
    assert services is not None
    assert [root.link.der for root in services.roots] == [_CA.der]


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (_MADE.national.replace(b"granted", b"granteD"), "signature is not valid"),
        (national_list(_STRANGER, []), "one of those"),
        (national_list(_NATIONAL, [], Facts(sequence=9, next_update=NOW - timedelta(days=1))), "followed by another"),
        (national_list(_NATIONAL, [], Facts(sequence=6)), "number 6"),
        (national_list(_NATIONAL, [], Facts(sequence=9), territory="ES"), "one of those"),
        (b"not XML", "not XML"),
        (None, "503"),
    ],
    ids=["tampered", "stranger", "expired", "older", "other country", "no list", "unreachable"],
)
def test_the_last_good_list_is_kept(
    lists: TrustedLists, kept: ListFolder, web: _Web, page: bytes | None, why: str
) -> None:
    if page is None:
        del web.pages[NATIONAL_ADDRESS]
    else:
        web.pages[NATIONAL_ADDRESS] = page
    tried = lists.refresh()
    assert why in tried.refused["PT"]
    assert (kept.folder / "PT.xml").read_bytes() == _MADE.national
    assert lists.services() is not None


@pytest.mark.usefixtures("kept")
def test_without_a_new_list_of_lists_the_national_ones_are_still_fetched(lists: TrustedLists, web: _Web) -> None:
    web.pages[MASTER_ADDRESS] = master_list(_STRANGER, [_STRANGER], _LATER)
    web.pages[NATIONAL_ADDRESS] = national_list(_NATIONAL, [Service(_CA.der)], _LATER)
    assert list(lists.refresh().refused) == ["LOTL"]
    assert lists.load().national[0].sequence == 8


def test_only_the_countries_that_are_wanted_are_fetched(folder: ListFolder, web: _Web) -> None:
    lists = TrustedLists(folder, web, Wanted(frozenset({"ES"}), MASTER_ADDRESS), lambda: NOW)
    assert lists.refresh().refused == {}
    assert lists.load().national == ()


def test_who_may_sign_the_list_of_lists_is_read_again_when_it_changes(kept: ListFolder, tmp_path: Path) -> None:
    folder = tmp_path / "lotl-signers"
    signers = changing_certificates(folder)
    lists = ListFolder(kept.folder, signers)
    before = lists.stamp()
    assert "LOTL" in lists.load(NOW).refused

    folder.mkdir()
    (folder / "signer.crt").write_bytes(_MASTER.der)
    assert (lists.stamp() != before, lists.load(NOW).refused) == (True, {})

    (folder / "broken.crt").write_bytes(b"?")
    assert lists.load(NOW).refused == {}
    with pytest.raises(BrokenTrustFile):  # a start would not go on with it
        changing_certificates(folder)
    (folder / "broken.crt").rename(folder / "README")
    (folder / "signer.crt").unlink()
    assert signers() == [_MASTER.der]
    shutil.rmtree(folder)
    assert signers() == [_MASTER.der]
    folder.mkdir()
    (folder / "other.crt").write_bytes(_CA.der)
    assert "LOTL" in lists.load(NOW).refused


@pytest.mark.usefixtures("kept")
def test_a_list_that_the_disk_did_not_give_is_read_again(lists: TrustedLists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(keeper, "_UNREAD_SECONDS", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", _no_disk)
        assert (list(lists.load().refused), lists.services()) == (["LOTL"], None)
    eventually(lambda: lists.services() is not None)


def _no_disk(_file: Path) -> bytes:
    raise OSError(errno.EIO, "Input/output error")


def test_whom_the_list_of_lists_names_signs_the_next_one(lists: TrustedLists, web: _Web) -> None:
    web.pages[MASTER_ADDRESS] = master_list(_MASTER, [_NATIONAL], next_ones=[_STRANGER])
    lists.refresh()
    web.pages[MASTER_ADDRESS] = master_list(_STRANGER, [_NATIONAL], _LATER)
    assert lists.refresh().refused == {}
    found = lists.load()
    assert found.master is not None
    assert found.master.sequence == 8


def test_a_file_that_was_changed_on_the_disk_does_not_count(kept: ListFolder) -> None:
    (kept.folder / "PT.xml").write_bytes(_MADE.national.replace(b"granted", b"granteD"))
    assert list(kept.load(NOW).refused) == ["PT"]
    (kept.folder / "lotl.xml").write_bytes(b"<a/>")
    assert list(kept.load(NOW).refused) == ["LOTL"]


def test_a_list_that_nothing_followed_counts_for_some_days(kept: ListFolder) -> None:
    end = Facts().next_update
    assert kept.load(end + GRACE).national
    late = end + GRACE + timedelta(seconds=1)
    assert kept.load(late).master is None
    assert TrustedLists(kept, now=lambda: late).services() is None


def test_a_national_list_without_a_list_of_lists_is_refused(folder: ListFolder) -> None:
    with pytest.raises(BadTrustedList, match="one of those"):
        folder.accept(_MADE.national, NOW)
    assert folder.accept(_MADE.master, NOW).is_master
    assert folder.accept(_MADE.national, NOW).territory == "PT"


def test_one_process_of_a_machine_fetches_at_a_time(lists: TrustedLists, folder: ListFolder) -> None:
    with folder.alone() as alone:
        assert alone
        assert lists.refresh().at is None


def test_pivots_lead_to_signers_that_nobody_knew(lists: TrustedLists, web: _Web) -> None:
    first, second = "https://lists.example/lotl-pivot-1.xml", "https://lists.example/lotl-pivot-2.xml"
    between, last = holder("Between"), holder("Last")
    past = Facts(sequence=1, issued=NOW - timedelta(days=200), next_update=NOW - timedelta(days=100))
    web.pages[first] = master_list(_MASTER, [_NATIONAL], past, next_ones=[between])
    web.pages[second] = master_list(between, [_NATIONAL], past, next_ones=[last])
    web.pages[MASTER_ADDRESS] = master_list(last, [_NATIONAL], _LATER, pivots=[second, first])
    assert lists.refresh().refused == {}
    assert lists.services() is not None

    # One from before the signers were published last leads nowhere.
    retired = holder("Retired")
    web.pages[first] = master_list(_MASTER, [_NATIONAL], replace(past, issued=ANCHORED - _DAY), next_ones=[retired])
    web.pages[MASTER_ADDRESS] = master_list(retired, [_NATIONAL], Facts(sequence=9), pivots=[first])
    assert "one of those" in lists.refresh().refused["LOTL"]

    # A stranger's pivot leads nowhere.
    web.pages[second] = master_list(_STRANGER, [_NATIONAL], past)
    web.pages[MASTER_ADDRESS] = master_list(_STRANGER, [_NATIONAL], Facts(sequence=9), pivots=[second])
    assert "one of those" in lists.refresh().refused["LOTL"]
