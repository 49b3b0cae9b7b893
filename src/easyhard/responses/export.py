"""Responses in the formats of other programs.

What is written of an item is made once, right and wrong, and only put together for each respondent: millions of
responses then take seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec
import numpy as np

from easyhard.atomic import whole_file
from easyhard.responses.export_tree import write_tree
from easyhard.responses.table import PathLike, write_responses
from easyhard.schema import MISSING, InputError, Items, Responses
from easyhard.wording import counted, did_you_mean, shown, shown_all

Form = Literal["parquet", "csv", "py-irt", "irw", "eee"]


@dataclass(frozen=True, slots=True)
class _Form:
    """How one respondent's responses are written: ``before``, a part for each response, ``after``.

    ``part`` gives the text of an item answered right (1) or wrong (0), the same for all respondents; ``each``,
    which stands before every part, and ``before`` hold the respondent's name. ``between`` parts it is as it says.
    """

    header: bytes
    before: Callable[[str], bytes]
    each: Callable[[str], bytes]
    part: Callable[[str, int], bytes]
    between: bytes
    after: bytes


def export_responses(responses: Responses, path: PathLike, form: Form, items: Items | None = None) -> None:
    """Write what other programs read, sorted by name; reading it here gives the same responses.

    ``parquet`` and ``csv`` are long tables (``respondent, item, correct``); ``py-irt`` is JSON lines, a respondent
    a line; ``irw`` is the long CSV of the Item Response Warehouse (``id, item, resp``); ``eee`` is a folder, the
    ``data`` of Every Eval Ever's store: for each benchmark and model a record with its accuracy, and its samples as
    JSON lines. Missing responses are absent in all of them.

    Only ``eee`` has a place for text: of an item that ``items`` does not hold, the input is its name and the
    metadata say so. What the model wrote is not known here, so its output is empty. ``path`` must then be new.

    Raises InputError for another ``form``, and for a name that is blank or no text.
    """
    if form not in get_args(Form):
        forms = get_args(Form)
        raise InputError(f"there is no form {shown(form)}, but {shown_all(forms)}.{did_you_mean(form, forms)}")
    _refuse_bad_names(responses)
    if form == "parquet":
        write_responses(responses, path)
    elif form == "eee":
        write_tree(responses, path, items)
    else:
        _write_lines(responses, path, _form_of(form))


def _refuse_bad_names(responses: Responses) -> None:
    for what, names in (("respondent", responses.respondents), ("item", responses.items)):
        bad = [name for name in names if not name.strip() or not _is_text(name)]
        if bad:
            raise InputError(
                f"{counted(len(bad), 'name')} of a {what} that no file can hold (first: {shown(bad[0])}): blank, "
                "or with half a character. Rename it."
            )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _write_lines(responses: Responses, path: PathLike, form: _Form) -> None:
    columns = sorted(range(len(responses.items)), key=responses.items.__getitem__)
    parts = np.array([[form.part(responses.items[k], value) for k in columns] for value in (0, 1)], dtype=object)
    with whole_file(path) as file:
        file.write(form.header)
        for row in sorted(range(len(responses.respondents)), key=responses.respondents.__getitem__):
            correct = responses.correct[row, columns]
            seen = np.flatnonzero(correct != MISSING)
            if len(seen):
                name = responses.respondents[row]
                each = form.each(name)
                file.write(form.before(name) + each)
                file.write((form.between + each).join(parts[correct[seen], seen].tolist()))
                file.write(form.after)


def _form_of(form: str) -> _Form:
    if form == "py-irt":
        return _PY_IRT
    return _csv("respondent,item,correct" if form == "csv" else "id,item,resp")


def _nothing(name: str) -> bytes:
    return b""


def _csv(header: str) -> _Form:
    return _Form(
        header=header.encode() + b"\n",
        before=_nothing,
        each=lambda respondent: _cell(respondent) + b",",
        part=lambda item, correct: _cell(item) + b",%d" % correct,
        between=b"\n",
        after=b"\n",
    )


def _cell(text: str) -> bytes:
    """``text`` as a cell of CSV, in quotes unless it is plain: spaces at an end would else not be safe."""
    plain = re.fullmatch(r"[\w./:+@-]+", text, re.ASCII)
    return (text if plain else '"' + text.replace('"', '""') + '"').encode()


_PY_IRT = _Form(
    header=b"",
    before=lambda respondent: b'{"subject_id":' + msgspec.json.encode(respondent) + b',"responses":{',
    each=_nothing,
    part=lambda item, correct: msgspec.json.encode(item) + b":%d" % correct,
    between=b",",
    after=b"}}\n",
)
