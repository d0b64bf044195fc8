"""An import-linter contract that works as an allow-list: one table with a row for each room.

A row reads ``room: rooms of ours | libraries``, both separated by spaces. A room is a module below the root package,
with all that is inside it. The most exact row counts: ``formats.pdf`` before ``formats``. A module may always import
what is in its own room. A module without a row breaks the contract, so a new room needs a row before it can exist.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


@dataclass(frozen=True, slots=True)
class Row:
    """What the modules of `room` may import: `rooms` of the same package, and top-level `libraries`."""

    room: str
    rooms: tuple[str, ...]
    libraries: frozenset[str]

    def allows(self, imported: str) -> bool:
        """True for a module of ours (its name without the root package) that the row names, or that is in the room."""
        return any(_inside(imported, room) for room in (self.room, *self.rooms))


def read_row(line: str) -> Row:
    """Parse ``room: rooms | libraries``. Raises: ValueError."""
    room, colon, allowed = line.partition(":")
    if not colon or not room.strip():
        raise ValueError(f"{line!r} is not 'room: rooms | libraries'.")
    rooms, _, libraries = allowed.partition("|")
    return Row(room.strip(), tuple(rooms.split()), frozenset(libraries.split()))


class AllowedImports(Contract):
    """The contract type ``allowed_imports``."""

    rooms: Any = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compare each import of each module with the row of its room."""
        rows = [read_row(line) for line in self.rooms]
        root = self.session_options["root_packages"][0]
        found = sorted(f for module in graph.modules for f in _violations(graph, root, module, rows))
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["found"]:
            output.print_error(line)


def _violations(graph: ImportGraph, root: str, module: str, rows: list[Row]) -> list[str]:
    ours = f"{root}."
    if not module.startswith(ours):
        return []
    row = _row_of(module.removeprefix(ours), rows)
    if row is None:
        return [f"{module} is in no room of the table."]
    found = []
    for imported in graph.find_modules_directly_imported_by(module):
        if imported.startswith(ours):
            allowed = row.allows(imported.removeprefix(ours))
        else:
            library = imported.partition(".")[0]
            allowed = library in sys.stdlib_module_names or library in row.libraries
        if not allowed:
            lines = ", ".join(str(detail["line_number"]) for detail in _details(graph, module, imported))
            found.append(f"{module} may not import {imported} (line {lines}).")
    return found


def _details(graph: ImportGraph, module: str, imported: str) -> list[Any]:
    return list(graph.get_import_details(importer=module, imported=imported))


def _row_of(module: str, rows: list[Row]) -> Row | None:
    fitting = [row for row in rows if _inside(module, row.room)]
    return max(fitting, key=lambda row: len(row.room), default=None)


def _inside(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")
