"""What a tenant has written stays within its line when an operator's command prints it."""

from __future__ import annotations

import csv
import io
import json

import pytest

from signroom.cli.printing import print_csv, print_json, print_line

FORGED = "for the shop\n2026-11-30T00:00:00Z operator: ApiKeyRevoked \x1b[2J\x9b31m\x7f\u202e\u2028 \U000e0041 é"


def test_a_line_ends_where_it_ends_and_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(FORGED)

    printed = capsys.readouterr().out
    assert printed[:-1].isprintable()
    assert printed.endswith("é\n")
    assert r"shop\n2026" in printed


def test_json_commands_no_terminal_and_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([{"description": FORGED}])

    printed = capsys.readouterr().out
    assert printed.replace("\n", "").isprintable()
    assert json.loads(printed) == [{"description": FORGED}]


def test_a_table_is_read_back_and_holds_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, object]] = [
        {"a": '=HYPERLINK("x")', "b": None},
        {"a": 'says "no", twice', "b": 2},
        {"a": "two\nlines\x1b", "b": "-1"},
    ]

    print_csv(("a", "b"), rows)

    read = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert read == [["a", "b"], ['\'=HYPERLINK("x")', ""], ['says "no", twice', "2"], ["two\\nlines\\u001b", "'-1"]]
