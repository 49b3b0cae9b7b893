"""Names of items and respondents in what the diagnostics return."""

from __future__ import annotations

from collections.abc import Sequence

from easyhard.schema import InputError
from easyhard.wording import counted


def names_of(what: str, names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """``names``, or ``item 0``, ``item 1`` ... without any. ``what`` is ``item`` or ``respondent``.

    Raises InputError unless there are ``count``.
    """
    if names is None:
        return tuple(f"{what} {place}" for place in range(count))
    if len(names) != count:
        raise InputError(
            f"{counted(len(names), 'name')} for {counted(count, what)}. "
            f"Give {what}s one name each, in the order of the matrix."
        )
    return tuple(names)
