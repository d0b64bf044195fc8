"""Which of our languages a tag or a header means."""

from __future__ import annotations

import pytest

from signroom.domain.language import known_language, preferred_language


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"),
        ("EN-us", "en"),
        ("pt", "pt-BR"),
        ("pt-br", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("es-MX", "es"),
        ("fr", None),
        ("", None),
        ("*", None),
        ("english", None),
    ],
)
def test_a_tag_is_known_by_its_primary_subtag(tag: str, language: str | None) -> None:
    assert known_language(tag) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, None),
        ("", None),
        ("*", None),
        ("fr, *;q=0.5", None),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"),
        ("fr-FR, fr;q=0.9, es;q=0.5, en;q=0.4", "es"),
        ("en;q=0.1, es;q=0.7", "es"),
        ("es;q=0, en;q=0.1", "en"),
        ("es, en", "es"),
        ("es;q=nonsense, en;q=0.1", "en"),
        ("es;Q=0.2;x=y , en;q=0.1", "es"),
        (";;;,,q=1", None),
        ("es," * 100_000, "es"),
    ],
)
def test_a_header_prefers_the_first_of_ours_by_weight(header: str | None, language: str | None) -> None:
    assert preferred_language(header) == language
