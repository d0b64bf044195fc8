"""XML signed the long way, for the tests of several modules."""

from __future__ import annotations

from pathlib import Path

from signroom.domain.signature import WHOLE_DOCUMENT, CheckedValue, DigestAlgorithm, Prepared, XmlOptions
from signroom.formats import values
from signroom.formats.xml import xades
from tests.formats.conftest import NOW, trusted
from tests.harness.server import signature
from tests.pki import authority

INVOICE = b"""<?xml version='1.0' encoding="UTF-8"  standalone='yes' ?>\r
<?xml-stylesheet href="a.xsl"?><!-- kept -->\r
<inv:invoice   xmlns:inv="urn:invoice" xmlns='urn:default' xml:lang="pt" xml:space="preserve">\r
  <inv:total currency='BRL' Id = "total">1 &lt; 2 &#13;<![CDATA[<&]]></inv:total>\r
  <item ID="first" a="&quot;'"/><item id='second' ></item><!-- no comment -->\r
  <deep><deeper xml:id="third"><inv:x b="2" a="1"/></deeper></deep>\r
</inv:invoice>\r
<?after all?>\r
<!-- end -->"""
"""Everything that a second serialisation would write differently."""


def written(folder: Path, content: bytes = INVOICE) -> Path:
    file = folder / "invoice.xml"
    file.write_bytes(content)
    return file


def prepared(
    file: Path,
    signer: str,
    options: XmlOptions = WHOLE_DOCUMENT,
    algorithm: DigestAlgorithm = DigestAlgorithm.SHA256,
) -> Prepared:
    return xades.prepare(file, trusted(signer), algorithm, NOW, options)


def signed(
    file: Path,
    signer: str,
    options: XmlOptions = WHOLE_DOCUMENT,
    algorithm: DigestAlgorithm = DigestAlgorithm.SHA256,
) -> Path:
    """`file` with one more signature, beside it."""
    layout = prepared(file, signer, options, algorithm)
    output = file.with_name(f"{file.stem}-{signer}.xml")
    xades.embed(file, layout, value(layout, signer), output)
    return output


def value(layout: Prepared, signer: str) -> CheckedValue:
    """What the signer's key makes of it, as `check_values` hands it on."""
    raw = signature(authority.leaf(signer).signing_key, layout.to_sign, layout.digest_algorithm.value)
    return values.check_values([layout.claimed(raw)])[0]
