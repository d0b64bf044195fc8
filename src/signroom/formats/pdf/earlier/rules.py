"""What a signature says of later changes (ISO 32000-1): DocMDP (12.8.2.2), FieldMDP (12.8.2.4), its field's lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pikepdf

from signroom.formats.pdf.earlier.embedded import elements, inherited, text_of

NOTHING = 1
"""DocMDP: no changes but validation data and document timestamps (ISO 32000-2, 12.8.2.2.2)."""
FORMS = 2
"""DocMDP: forms are filled in, signatures are added."""
COMMENTS = 3
"""DocMDP: and comments are added, changed and removed."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Form fields that must stay as they are."""

    action: str
    """All, Include or Exclude."""
    names: frozenset[str]

    def holds(self, name: str) -> bool:
        if self.action == "/All":
            return True
        named = any(name == one or name.startswith(f"{one}.") for one in self.names)
        return named if self.action == "/Include" else not named


@dataclass(frozen=True, slots=True)
class Rules:
    """`level` is None where nothing was said: then no reader stops anybody, and changes are told."""

    level: int | None
    locks: tuple[Lock, ...]

    def locks_field(self, name: str) -> bool:
        return any(lock.holds(name) for lock in self.locks)


def rules_of(pdf: pikepdf.Pdf, value: Any, field: Any) -> Rules:
    """The rules of the signature `value` in `field`, and of the author's in the same revision."""
    levels: list[int] = []
    locks: list[Lock] = []
    for reference in elements(value.get("/Reference")):
        if not isinstance(reference, pikepdf.Dictionary):
            continue
        parameters = reference.get("/TransformParams", pikepdf.Dictionary())
        match reference.get("/TransformMethod"):
            case "/DocMDP":
                levels.append(_level(parameters) or FORMS)
            case "/FieldMDP":
                locks += _lock(parameters)
    lock = inherited(field, "/Lock")
    if isinstance(lock, pikepdf.Dictionary):
        locks += _lock(lock)
        level = _level(lock)
        levels += [level] if level else []
    author = author_level(pdf)
    levels += [author] if author else []
    return Rules(min(levels, default=None), tuple(locks))


def author_level(pdf: pikepdf.Pdf) -> int | None:
    """DocMDP of the author's signature; None when the file is not certified."""
    permissions = pdf.Root.get("/Perms")
    value = permissions.get("/DocMDP") if isinstance(permissions, pikepdf.Dictionary) else None
    if not isinstance(value, pikepdf.Dictionary):
        return None
    for reference in elements(value.get("/Reference")):
        if isinstance(reference, pikepdf.Dictionary) and reference.get("/TransformMethod") == "/DocMDP":
            return _level(reference.get("/TransformParams", pikepdf.Dictionary())) or FORMS
    return None


def _level(parameters: Any) -> int | None:
    found = parameters.get("/P") if isinstance(parameters, pikepdf.Dictionary) else None
    return found if isinstance(found, int) and found in {NOTHING, FORMS, COMMENTS} else None


def _lock(parameters: Any) -> list[Lock]:
    if not isinstance(parameters, pikepdf.Dictionary) or "/Action" not in parameters:
        return []
    names = (text_of(name) for name in elements(parameters.get("/Fields")))
    return [Lock(str(parameters["/Action"]), frozenset(name for name in names if name is not None))]
