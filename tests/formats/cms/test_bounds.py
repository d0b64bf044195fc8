"""Parts of a CMS object are counted before they are read: what takes minutes is refused by its name at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from signroom.domain.errors import CmsTooComplex, InvalidCms
from signroom.domain.signature import ATTACHED
from signroom.formats.cms.cades import inspect
from signroom.formats.cms.foreign import judge_contents
from signroom.formats.cms.verification import examine
from tests.soak.costly import CMS

_REFUSED = {
    "certificates": "2000 certificates",
    "certificates with one number": "2000 certificates",
    "signers": "250 signers",
    "digest algorithms": "100 digest algorithms",
    "attributes": "100 signed attributes",
    "values of an attribute": "too many pieces",
    "certificates in an attribute": "too many pieces",
    "oid of an attribute": "object identifier",
    "oid of an algorithm": "object identifier",
    "number": "name is too long",
    "names of issuers": "KB",
    "empty pieces": "too many pieces",
}


@pytest.mark.parametrize("name", _REFUSED)
def test_what_has_too_many_parts_is_refused_by_what_it_has(tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(CMS[name](1 << 20))

    for read in (lambda: inspect(file, ATTACHED, None), lambda: examine(file, None, (), None)):
        with pytest.raises(CmsTooComplex, match=_REFUSED[name]):
            read()


def test_such_an_object_in_a_pdf_is_unproven_and_no_reason_to_refuse() -> None:
    (found,) = judge_contents(CMS["signers"](1 << 20), "ETSI.CAdES.detached", lambda _: bytes(32))

    assert issubclass(CmsTooComplex, InvalidCms)
    assert found.integrity == "unproven"
