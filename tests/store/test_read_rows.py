"""What a transaction writes of the rows that it has read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from signroom.store.work.statements import ReadRows

ONE, OTHER = UUID(int=1), UUID(int=2)


def row(row_id: UUID = ONE, **changed: Any) -> dict[str, Any]:
    return {"id": row_id, "status": "Pending", "name": "a", "content": b"{}", "person_due": True, **changed}


def test_of_a_row_that_was_read_only_changes_are_written() -> None:
    """What is due for a job is written with them: the job may have done it since the row was read."""
    read = ReadRows()
    read.note({**row(), "of_no_noun": 1})

    assert read.changed([row(status="Processing")]) == [{"id": ONE, "status": "Processing", "person_due": True}]


def test_a_row_that_is_saved_again_is_compared_with_what_was_written() -> None:
    read = ReadRows()
    read.note(row())
    read.changed([row(status="Processing")])

    assert read.changed([row(status="Processing")]) == []
    assert read.changed([row()]) == [{"id": ONE, "status": "Pending", "person_due": True}]


def test_a_row_that_was_not_read_is_written_whole() -> None:
    assert ReadRows().changed([row()]) == [row()]


def test_rows_that_are_written_together_have_the_same_columns() -> None:
    read = ReadRows()
    read.note(row())
    read.note(row(OTHER, name="b"))

    assert read.changed([row(status="Failed"), row(OTHER, name="c")]) == [
        {"id": ONE, "status": "Failed", "name": "a", "person_due": True},
        {"id": OTHER, "status": "Pending", "name": "c", "person_due": True},
    ]


def test_a_value_that_is_no_more_is_written() -> None:
    read = ReadRows()
    read.note(row())

    assert read.changed([row(name=None)]) == [{"id": ONE, "name": None, "person_due": True}]
