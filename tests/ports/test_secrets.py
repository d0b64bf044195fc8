"""The contract of the ``Secrets`` port."""

from __future__ import annotations

import pytest

from signroom.domain.errors import SecretUnreadable
from signroom.ports.secrets import SealedWith, Secrets
from signroom.secrets.sealed_secrets import AesGcmSecrets
from signroom.secrets.secret_keys import SecretKeys

INSTALLATION = b"k" * 32


@pytest.fixture
def secrets() -> Secrets:
    return AesGcmSecrets(SecretKeys(INSTALLATION))


@pytest.mark.parametrize("secret", ["p", "senha ü 密码", "x" * 2048])
def test_a_secret_comes_back_in_any_process_of_the_installation(secrets: Secrets, secret: str) -> None:
    sealed = secrets.seal("subscription:1", secret)

    assert AesGcmSecrets(SecretKeys(INSTALLATION)).unseal("subscription:1", sealed) == secret


def test_what_is_stored_does_not_show_the_secret_and_is_never_the_same(secrets: Secrets) -> None:
    sealed = {secrets.seal("subscription:1", "correct horse") for _ in range(100)}

    assert len(sealed) == 100
    assert not any(b"horse" in one for one in sealed)


def test_a_secret_opens_for_its_owner_only(secrets: Secrets) -> None:
    sealed = secrets.seal("subscription:1", "correct horse")

    with pytest.raises(SecretUnreadable):
        secrets.unseal("subscription:2", sealed)


def test_a_secret_of_another_installation_is_refused(secrets: Secrets) -> None:
    sealed = AesGcmSecrets(SecretKeys(b"o" * 32)).seal("subscription:1", "correct horse")

    with pytest.raises(SecretUnreadable):
        secrets.unseal("subscription:1", sealed)


def test_every_changed_octet_and_every_cut_is_found(secrets: Secrets) -> None:
    sealed = secrets.seal("subscription:1", "correct horse")
    damaged = [sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :] for i in range(len(sealed))]
    cut = [sealed[:length] for length in range(len(sealed))]

    for one in (*damaged, *cut):
        with pytest.raises(SecretUnreadable):
            secrets.unseal("subscription:1", one)


def test_a_secret_that_names_its_key_tells_a_wrong_key_from_damage() -> None:
    one, other = SecretKeys(INSTALLATION, b"o" * 32), SecretKeys(b"o" * 32)
    sealed = AesGcmSecrets(one).seal("subscription:1", "correct horse")

    assert AesGcmSecrets(SecretKeys(INSTALLATION)).unseal("subscription:1", sealed) == "correct horse"
    assert AesGcmSecrets(one).sealed_with("subscription:1", sealed) is SealedWith.CURRENT
    assert AesGcmSecrets(SecretKeys(b"o" * 32, INSTALLATION)).sealed_with("subscription:1", sealed) is SealedWith.SECOND
    assert AesGcmSecrets(other).sealed_with("subscription:1", sealed) is SealedWith.OTHER
    for end in range(len(sealed)):
        cut = AesGcmSecrets(one).sealed_with("subscription:1", sealed[:end])
        assert cut is SealedWith.DAMAGED
    for i in range(len(sealed)):
        changed = sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :]
        found = AesGcmSecrets(one).sealed_with("subscription:1", changed)
        assert found is (SealedWith.OTHER if 1 <= i <= 8 else SealedWith.DAMAGED)


def test_with_one_key_a_secret_is_sealed_as_the_release_before_reads_it() -> None:
    sealed = AesGcmSecrets(SecretKeys(INSTALLATION)).seal("subscription:1", "correct horse")

    assert sealed[:1] == b"\x01"
    assert AesGcmSecrets(SecretKeys(b"o" * 32, INSTALLATION)).unseal("subscription:1", sealed) == "correct horse"
