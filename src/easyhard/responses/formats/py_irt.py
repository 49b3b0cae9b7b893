"""JSON lines as py-irt reads them: a subject a line, with its responses by item."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from easyhard.responses.formats.json_rows import first_line, json_rows
from easyhard.responses.log import Asked, FileRead, NotDichotomous, Run, codes_of, refuse_graded


class _Subject(msgspec.Struct):
    subject_id: str | int
    responses: dict[str, Any]


def matches(path: Path, head: bytes) -> bool:
    """Whether the first line has a subject and its responses."""
    line = first_line(head)
    return line.startswith(b"{") and b'"subject_id"' in line and b'"responses"' in line


def read(path: Path, asked: Asked) -> FileRead:
    """One run a line. A subject that comes again is another trial of its items."""
    found = FileRead(str(path), asked.strict)
    lines: Counter[str] = Counter()
    for number, row in json_rows(path, _Subject, found):
        subject, items = str(row.subject_id), list(row.responses)
        try:
            correct = codes_of(list(row.responses.values()), asked.threshold)
        except NotDichotomous as problem:
            for value in row.responses.values():
                refuse_graded(value, asked, path)
            found.broke(number, str(problem))
            continue
        trial = [lines[subject]] * len(items)
        found.runs.append(Run(subject, path.name, "", found.file, "response", items, items, trial, correct))
        lines[subject] += 1
    return found
