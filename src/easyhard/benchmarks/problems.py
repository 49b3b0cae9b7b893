"""What is wrong with settings that a user wrote, all at once, with the nearest known key for a misspelt one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from easyhard.wording import counted, did_you_mean


def problems(error: ValidationError, settings: type[BaseModel], source: str, next_step: str) -> str:
    """A sentence per problem in ``source``, then ``next_step``."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{source} has {counted(len(found), 'problem')}:"]
    for problem in found:
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = _known(settings, problem["loc"][:-1])
            lines.append(f"  {place}: no such key.{did_you_mean(str(problem['loc'][-1]), known)}")
        elif problem["type"] == "missing":
            lines.append(f"  {place}: is needed, but not there.")
        else:
            text = problem["msg"].removeprefix("Value error, ").rstrip(".")
            lines.append(f"  {place}: {text}." if place else f"  {text}.")
    return "\n".join([*lines, next_step])


def _known(settings: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """Keys that the group at ``place`` knows."""
    group = settings
    for part in place:
        if isinstance(part, str) and part in group.model_fields:
            group = _group(group.model_fields[part].annotation) or group
    return list(group.model_fields)


def _group(annotation: Any) -> type[BaseModel] | None:
    """The group of settings within an annotation such as ``Group | None`` or ``dict[str, Group]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _group(one))), None)
