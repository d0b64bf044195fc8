"""Document keys: short codes that are printed on paper and typed in by people.

Every document has one. An application may allocate keys before there is a document, and say which document gets which.
A document that none was allocated for gets a new key when it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from signroom.domain.errors import DocumentKeyInUse
from signroom.domain.metadata import NO_METADATA, Metadata

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Upper-case letters and digits without look-alikes (0 O, 1 I L)."""
LENGTH = 16
MAX_BATCH = 100
_GROUP = 4


@dataclass(frozen=True, slots=True)
class DocumentKey:
    key: str
    subscription_id: UUID
    application_id: UUID
    created_at: datetime
    metadata: Metadata = NO_METADATA
    """Provisional: it tells what the key was allocated for until there is a document."""
    document_id: UUID | None = None
    allocated: bool = True
    """False: it was made together with its document, which keeps it. Only an allocated one is given back."""

    def bind(self, document_id: UUID) -> DocumentKey:
        """Give the key to a document. Raises: DocumentKeyInUse."""
        if self.document_id is not None:
            raise DocumentKeyInUse(f"{formatted(self.key)}.")
        return replace(self, document_id=document_id)


def new_key(choice: Callable[[Sequence[str]], str]) -> str:
    """79 bits: nobody meets one by chance. `choice` is a source of randomness like ``secrets.choice``."""
    return "".join(choice(ALPHABET) for _ in range(LENGTH))


def key_of_old_document(document_id: UUID) -> str:
    """The key of a document that a version stored which gave no keys.

    It follows from the id: every process that reads the document says the same key, before anyone has stored it.
    """
    number = int.from_bytes(hashlib.sha256(b"signroom document key " + document_id.bytes).digest())
    letters = []
    for _ in range(LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def formatted(key: str) -> str:
    """``ABCD-EFGH-JKMN-PQRS``."""
    return "-".join(key[n : n + _GROUP] for n in range(0, len(key), _GROUP))


def normalized(text: str) -> str | None:
    """A key as people type it: any case, with or without separators. None for what cannot be one."""
    key = "".join(c for c in text.upper() if c not in "- ")
    return key if len(key) == LENGTH and set(key) <= set(ALPHABET) else None
