"""Names as people write them, from names as authorities write them."""

from __future__ import annotations

import pytest

from signroom.domain.certificate import Name
from signroom.domain.holder import MAX_HOLDER, holder_of, person_name, shown
from signroom.trust.certificates import read_certificate
from tests.pki import authority


def name(common: str, country: str = "BR", **more: str) -> Name:
    values = {"CN": common, **({"C": country} if country else {}), **more}
    return Name("", tuple((attribute, (value,)) for attribute, value in values.items()))


@pytest.mark.parametrize(
    ("written", "country", "shown_as"),
    [
        ("ALICE EXAMPLE OF SANTOS:12345678909", "BR", "Alice Example of Santos"),
        ("JOÃO DA SILVA E SOUZA:12345678909", "BR", "João da Silva e Souza"),
        ("MARIA DE SOUZA E SILVA", "", "Maria de Souza e Silva"),
        ("JOHN E SMITH", "", "John E Smith"),
        ("EMPRESA EXEMPLO LTDA:12345678000195", "BR", "Empresa Exemplo Ltda"),
        ("EMPRESA EXEMPLO S.A.:12ABC34501DE35", "BR", "Empresa Exemplo S.A."),
        ("PEDRO D'ÁVILA NETO", "BR", "Pedro D'Ávila Neto"),
        ("GARCÍA Y LÓPEZ DE LA TORRE MARÍA - 12345678Z", "ES", "García y López de la Torre María"),
        ("PÉREZ JUAN - NIF 12345678Z", "ES", "Pérez Juan"),
        ("ANNE-MARIE O'NEILL", "IE", "Anne-Marie O'Neill"),
        ("JAN VAN DER BERG", "NL", "Jan van der Berg"),
        ("JAN VAN DER BERG", "BE", "Jan Van Der Berg"),
        ("DE ROSSI DANIELE", "IT", "De Rossi Daniele"),
        ("VAN MORRISON", "GB", "Van Morrison"),
        ("JOHN E SMITH III", "GB", "John E Smith III"),
        ("J. R. R. TOLKIEN JR.", "GB", "J. R. R. Tolkien Jr."),
        ("XPTO BV", "NL", "Xpto BV"),
        ("ANA (DEMO)", "BR", "Ana (DEMO)"),
        # As they are: somebody has chosen these letters, or there are no others.
        ("Ana Lúcia (DEMO)", "BR", "Ana Lúcia (DEMO)"),
        ("Ronald McDonald", "GB", "Ronald McDonald"),
        ("山田太郎", "JP", "山田太郎"),
        ("محمد علي", "SA", "محمد علي"),
        ("ΓΙΩΡΓΟΣ ΠΑΠΑΔΟΠΟΥΛΟΣ", "GR", "Γιωργος Παπαδοπουλος"),
        ("ИВАН ПЕТРОВ", "BG", "Иван Петров"),
        ("İBRAHİM YILMAZ", "TR", "İbrahim Yilmaz"),
        ("12345678909", "BR", "12345678909"),
        (":12345678909", "BR", ":12345678909"),
        ("Signer p256", "XX", "Signer p256"),
        ("Room 101", "XX", "Room 101"),
    ],
)
def test_a_name_is_written_as_its_holder_writes_it(written: str, country: str, shown_as: str) -> None:
    assert person_name(name(written, country)) == shown_as


def test_the_given_name_comes_first_where_the_certificate_says_which_it_is() -> None:
    baltic = name("ŽAIKOVSKI,IGOR,37101010021", "EE", GN="IGOR", SN="ŽAIKOVSKI")

    assert person_name(baltic) == "Igor Žaikovski"
    assert person_name(name("IGOR,SON OF", "EE", GN="ANNA", SN="TAMM")) == "Igor,son of"


def test_without_a_common_name_there_is_an_organisation_or_all_that_there_is() -> None:
    assert person_name(Name("O=Acme", (("O", ("ACME",)),))) == "ACME"
    assert person_name(Name("C=BR", (("C", ("BR",)),))) == "C=BR"
    assert person_name(Name("", ())) == ""


def test_a_name_does_not_change_the_text_around_it() -> None:
    assert shown("A\u202en\u2066a\n\0 B") == "Ana B"
    assert len(shown("x" * 1000)) == MAX_HOLDER


def test_a_name_of_a_stranger_costs_no_time() -> None:
    """The pattern that finds a number behind a name tries every place: a certificate may have 64 KB of them."""
    assert len(person_name(name(": 1" * 20_000))) <= MAX_HOLDER


def test_an_authority_confirms_only_where_the_context_trusts_it() -> None:
    certificate = read_certificate(authority.leaf("p256").certificate_der)
    issuer = certificate.issuer.first("CN")

    assert holder_of(certificate, confirmed=True).confirmed_by == issuer
    nobody = holder_of(certificate, confirmed=False)
    assert (nobody.name, nobody.issued_by, nobody.confirmed_by) == ("Signer p256", issuer, None)
