"""Signed tokens: one purpose, one time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from signroom.domain.errors import BadToken, TokenExpired
from signroom.secrets.secret_keys import SecretKeys
from signroom.secrets.tokens import SignedTokens

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOKENS = SignedTokens(SecretKeys(b"k" * 32))


def test_a_token_gives_its_subject_back_until_it_expires() -> None:
    token = TOKENS.issue("page", "a/b.c", NOW)

    assert TOKENS.read("page", token, NOW + HOUR, max_age=HOUR) == "a/b.c"
    with pytest.raises(TokenExpired):
        TOKENS.read("page", token, NOW + HOUR + timedelta(seconds=1), max_age=HOUR)


def test_a_token_serves_one_purpose_only() -> None:
    with pytest.raises(BadToken):
        TOKENS.read("download", TOKENS.issue("page", "subject", NOW), NOW, max_age=HOUR)


def test_a_token_of_another_installation_is_refused() -> None:
    with pytest.raises(BadToken):
        TOKENS.read("page", SignedTokens(SecretKeys(b"x" * 32)).issue("page", "subject", NOW), NOW, max_age=HOUR)


def test_every_changed_character_is_noticed() -> None:
    token = TOKENS.issue("page", "subject", NOW)

    # The last character of base64url carries unused bits: all others count.
    for position in range(len(token) - 1):
        forged = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises((BadToken, TokenExpired)):
            TOKENS.read("page", forged, NOW, max_age=HOUR)


@pytest.mark.parametrize("token", ["", ".", "..", "subject", "ü", "a.b.c", "\x00" * 50])
def test_nonsense_is_refused(token: str) -> None:
    with pytest.raises(BadToken):
        TOKENS.read("page", token, NOW, max_age=HOUR)


def test_a_token_of_the_second_key_is_read_and_none_is_made_with_it() -> None:
    changing = SignedTokens(SecretKeys(b"n" * 32, b"k" * 32))

    assert changing.read("page", TOKENS.issue("page", "subject", NOW), NOW, max_age=HOUR) == "subject"
    with pytest.raises(BadToken):
        TOKENS.read("page", changing.issue("page", "subject", NOW), NOW, max_age=HOUR)
    assert changing.derivations("link", "1") == (changing.derive("link", "1"), TOKENS.derive("link", "1"))


def test_keys_are_not_shown() -> None:
    assert "kkk" not in repr(SecretKeys(b"k" * 32, b"k" * 32))
