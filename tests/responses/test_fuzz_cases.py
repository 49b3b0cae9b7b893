"""What coverage-guided fuzzing of the readers (tools/fuzz_readers.py) found, made small: refused, or counted."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest

from easyhard.responses.formats.known import format_named
from easyhard.responses.log import Asked
from easyhard.schema import InputError


def parquet(table: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    table.write_parquet(file)
    return file.getvalue()


CASES = {
    "an array that is no text": ("long", b'[{"respondent": "\xff", "item": "i", "correct": 1}]'),
    "lists in the cells of a wide table": ("wide", parquet(pl.DataFrame({"model": ["m"], "i": [[1.0]], "j": [1]}))),
}


@pytest.mark.parametrize("case", CASES)
def test_what_fuzzing_found_is_refused_with_a_sentence(case: str, tmp_path: Path) -> None:
    name, content = CASES[case]
    path = tmp_path / "log.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="could not be read as"):
        format_named(name).read(path, Asked())
