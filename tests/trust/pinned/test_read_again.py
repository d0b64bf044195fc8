"""What the operator keeps as files counts as it is, and as it was while it cannot be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from signroom.domain.security_context import ICP_BRASIL
from signroom.settings import read_settings
from signroom.trust.anchor_folder import AnchorFolder, BrokenTrustFile
from signroom.trust.pinned import read_again
from signroom.trust.pinned.read_again import LOOKED_SECONDS, ReadAgain
from signroom.wiring import _changing_policies
from tests.formats.test_signature_policies import OWN
from tests.pki import three_tiers


def test_a_file_is_read_when_it_has_changed_and_not_before(tmp_path: Path) -> None:
    now, read, file = [0.0], [0], tmp_path / "words.txt"

    def words() -> str:
        read[0] += 1
        if not file.is_file():
            return ""
        if (text := file.read_text()) == "broken":
            raise ValueError(text)
        return text

    again = ReadAgain(file, words, clock=lambda: now[0])
    assert again() == ""
    for text, found in (("one", "one"), ("broken", "one"), ("two", "two")):
        file.write_text(text)
        before = again()
        now[0] += LOOKED_SECONDS
        assert before != text
        assert [again(), again()] == [found, found]
        now[0] += LOOKED_SECONDS
        assert again() == found
    assert read[0] == 5  # the broken one at each look
    file.unlink()
    now[0] += LOOKED_SECONDS
    assert again() == "two"
    assert read[0] == 5
    file.write_text("three")
    now[0] += LOOKED_SECONDS
    assert again() == "three"


def test_what_could_not_be_read_is_read_again_without_another_change(tmp_path: Path) -> None:
    file, other = tmp_path / "names.txt", tmp_path / "named.txt"
    file.write_text("")
    again = ReadAgain(file, lambda: (tmp_path / text).read_text() if (text := file.read_text()) else "", every=0.0)
    with capture_logs() as lines:
        file.write_text(other.name)
        assert [again(), again()] == ["", ""]
        other.write_text("found")
        assert [again(), again()] == ["found", "found"]
    assert [line["event"] for line in lines] == ["trust_folder.not_read", "trust_folder.read_again"]


def test_a_file_that_goes_while_it_is_read_leaves_what_was_there(tmp_path: Path) -> None:
    now, file = [0.0], tmp_path / "words.txt"
    file.write_text("one")

    def words() -> str:
        if now[0]:
            file.unlink()
        return file.read_text() if file.is_file() else ""

    again = ReadAgain(file, words, clock=lambda: now[0])
    file.write_text("another")
    now[0] += LOOKED_SECONDS
    assert again() == "one"


def test_roots_and_policies_count_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_again, "LOOKED_SECONDS", 0.0)
    variables = {"SIGNROOM_TRUST_FOLDER": str(tmp_path), "SIGNROOM_PUBLIC_URL": "https://sign.example"}
    settings = read_settings(variables, tmp_path)
    policies, anchors = _changing_policies(settings), AnchorFolder(tmp_path, {})
    assert (policies(), anchors.anchors(ICP_BRASIL).roots) == ((), ())

    root = tmp_path / "icp-brasil" / "root.crt"
    root.parent.mkdir()
    root.write_bytes(three_tiers.root().der)
    (tmp_path / "signature-policies.toml").write_bytes(OWN)
    (found,) = anchors.anchors(ICP_BRASIL).roots
    assert (found.der, [one.name for one in policies()]) == (three_tiers.root().der, ["ACME_v1"])

    (tmp_path / "misspelt").mkdir()
    (tmp_path / "misspelt" / "root.crt").write_bytes(three_tiers.root().der)
    (tmp_path / "signature-policies.toml").write_bytes(b"?")
    assert (anchors.anchors(ICP_BRASIL).roots, len(policies())) == ((found,), 1)
    with pytest.raises(BrokenTrustFile):  # a start would not go on with it
        AnchorFolder(tmp_path, {})

    (tmp_path / "misspelt" / "root.crt").unlink()
    (tmp_path / "misspelt").rmdir()
    shutil.rmtree(root.parent)  # the policies are still there
    assert anchors.anchors(ICP_BRASIL).roots == (found,)
    aside = tmp_path.rename(tmp_path.with_name("aside"))
    assert (anchors.anchors(ICP_BRASIL).roots, len(policies())) == ((found,), 1)
    aside.rename(tmp_path)
    root.parent.mkdir()
    root.write_bytes(three_tiers.intermediate().der)
    assert [one.der for one in anchors.anchors(ICP_BRASIL).roots] == [three_tiers.intermediate().der]
    root.unlink()
    assert AnchorFolder(tmp_path, {}).anchors(ICP_BRASIL).roots == ()  # a restart
