"""What a case is: a file that users send, and what is right to do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from signroom.domain.validation import Check


class State(StrEnum):
    """The right verdict on a signature that is already in the file."""

    INTACT = "intact"
    """Its mathematics are right, and what came later is allowed."""
    UNPROVEN = "unproven"
    """Its mathematics are right, and its algorithms are too weak to prove anything today."""
    NOT_BROKEN = "not broken"
    """Judged or called unsupported: both are right. To call it broken is wrong."""
    BROKEN = "broken"
    """Its mathematics are wrong, or the pages do not look as they did when it was made."""
    TIMESTAMP = "timestamp"
    """A document timestamp: it is listed as one, and it is no signer's."""


@dataclass(frozen=True)
class Earlier:
    """One signature in the file and the right verdict on it."""

    state: State
    warning: str = ""
    """Words that one of its warnings must have."""
    checks: tuple[Check, ...] = ()
    """What its warnings must name."""


@dataclass(frozen=True)
class Signed:
    """It is signed: valid for every judge, and every page looks as before."""

    warning: str = ""
    """Words that a finding of pre-flight must have; empty: none is asked for."""


@dataclass(frozen=True)
class Refused:
    """It is refused at upload, with this code and a reason of its own."""

    code: str


@dataclass(frozen=True)
class MendedOrRefused:
    """It is signed with a complete cross-reference in the tail, or it is refused at upload with this code."""

    code: str = "InvalidPdf"


Outcome = Signed | Refused | MendedOrRefused


@dataclass(frozen=True)
class Case:
    """One file. ``make`` gives the same kind of bytes at each call; they need not be equal."""

    name: str
    make: Callable[[], bytes]
    right: Outcome = field(default_factory=Signed)
    pages: int = 2
    """Pages that mainstream readers show, each with the text of `builder.text_of_page`."""
    earlier: tuple[Earlier, ...] = ()
    """The signatures in it, in the order they were made."""
    seconds: float = 3.0
    """Of processor time for everything that we do with it."""
    readers: int = 2
    """How many of the three readers show its pages as they are meant."""

    fills: str | None = None
    """The name of the empty field that is filled in; empty: one is added; None: not looked at."""

    def __str__(self) -> str:
        return self.name
