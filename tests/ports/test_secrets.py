"""The contract of the ``Secrets`` port."""

from __future__ import annotations

import pytest

from signroom.domain.errors import SecretUnreadable
from signroom.ports.secrets import Secrets
from signroom.secrets.sealed_secrets import AesGcmSecrets

INSTALLATION = b"k" * 32


@pytest.fixture
def secrets() -> Secrets:
    return AesGcmSecrets(INSTALLATION)


@pytest.mark.parametrize("secret", ["p", "senha ü 密码", "x" * 2048])
def test_a_secret_comes_back_in_any_process_of_the_installation(secrets: Secrets, secret: str) -> None:
    sealed = secrets.seal("subscription:1", secret)

    assert AesGcmSecrets(INSTALLATION).unseal("subscription:1", sealed) == secret


def test_what_is_stored_does_not_show_the_secret_and_is_never_the_same(secrets: Secrets) -> None:
    sealed = {secrets.seal("subscription:1", "correct horse") for _ in range(100)}

    assert len(sealed) == 100
    assert not any(b"horse" in one for one in sealed)


def test_a_secret_opens_for_its_owner_only(secrets: Secrets) -> None:
    sealed = secrets.seal("subscription:1", "correct horse")

    with pytest.raises(SecretUnreadable):
        secrets.unseal("subscription:2", sealed)


def test_a_secret_of_another_installation_is_refused(secrets: Secrets) -> None:
    sealed = AesGcmSecrets(b"o" * 32).seal("subscription:1", "correct horse")

    with pytest.raises(SecretUnreadable):
        secrets.unseal("subscription:1", sealed)


def test_every_changed_octet_and_every_cut_is_found(secrets: Secrets) -> None:
    sealed = secrets.seal("subscription:1", "correct horse")
    damaged = [sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :] for i in range(len(sealed))]
    cut = [sealed[:length] for length in range(len(sealed))]

    for one in (*damaged, *cut):
        with pytest.raises(SecretUnreadable):
            secrets.unseal("subscription:1", one)
