"""What `easyhard run --dry-run` shows: the plan of a study, or of several and their sum."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import polars as pl

from easyhard.cli.common import console, facts_table, print_json, show


def show_plans(studies: Any, as_json: bool, workers: int) -> None:
    """Print the plan of each study, and what they need together; for a machine as JSON."""
    found = {name: _Planned(config, workers) for name, config in studies.by_name.items()}
    if not studies.are_several:
        one = found[""]
        show(facts_table(one.facts()), f"Plan of {studies.name}", one.machine(), as_json)
        return
    if as_json:
        print_json({"benchmarks": {name: one.machine() for name, one in found.items()}, **_together(found)})
        return
    for one in found.values():
        show(facts_table(one.facts()), f"Plan of {one.config.name}", None, False)
        console.print()
    show(_sums(found), f"Plan of {studies.name}, model after model", None, False)


class _Planned:
    """A study with its plan, its time and its room."""

    def __init__(self, config: Any, workers: int) -> None:
        from easyhard.study import make_plan, read_inputs, space_needed, time_estimate

        self.config = config
        self.plan = make_plan(config, *read_inputs(config))
        self.seconds, self.space = time_estimate(self.plan, config), space_needed(self.plan, config, workers)

    def facts(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "respondents": plan.n_respondents,
            "items with responses and text": plan.n_items,
            "items without text (calibrated only)": plan.n_without_text,
            "items without responses (left out)": plan.n_without_responses,
            "bins": self.config.bins.count,
            "items trained on, of each bin": plan.train_size,
            "items evaluated on, of each bin": plan.evaluation_size,
            "trainings": plan.n_trainings,
            "optimiser steps of each": plan.steps_per_training,
            "evaluations": plan.n_evaluations,
            "smallest detectable gain of one cell": _detectable(plan.detectable_gain),
            "time on this machine's CPU": _time(self.seconds),
            f"disk, with keep: {self.config.keep}": _room(self.space),
            "output": str(self.config.out),
        }

    def machine(self) -> dict[str, Any]:
        return {**asdict(self.plan), "seconds": self.seconds, "space": asdict(self.space)}


def _together(found: dict[str, _Planned]) -> dict[str, Any]:
    """Sums over benchmarks; None where one of them cannot be said here."""
    plans = [one.plan for one in found.values()]
    spaces = [one.space for one in found.values()]
    kept, at_work = [one.kept for one in spaces], [one.at_work for one in spaces]
    return {
        "n_trainings": sum(plan.n_trainings for plan in plans),
        "n_evaluations": sum(plan.n_evaluations for plan in plans),
        "seconds": _sum([one.seconds for one in found.values()]),
        # Cells of one benchmark after another are at work, never of all at once.
        "space": {"kept": _sum(kept), "at_work": max((one or 0 for one in at_work), default=0), "free": spaces[0].free},
    }


def _sum(values: list[Any]) -> Any:
    return None if None in values else sum(values)


def _sums(found: dict[str, _Planned]) -> pl.DataFrame:
    """One row per benchmark, and their sum."""
    from easyhard.study import Space

    rows = [
        _row(name, one.plan.n_trainings, one.plan.n_evaluations, one.seconds, one.space) for name, one in found.items()
    ]
    whole = _together(found)
    rows.append(
        _row("together", whole["n_trainings"], whole["n_evaluations"], whole["seconds"], Space(**whole["space"]))
    )
    return pl.DataFrame(rows)


def _row(name: str, trainings: int, evaluations: int, seconds: float | None, space: Any) -> dict[str, Any]:
    return {
        "benchmark": name,
        "trainings": f"{trainings:,}",
        "evaluations": f"{evaluations:,}",
        "time on this machine's CPU": _time(seconds),
        "disk": _room(space),
    }


def _time(seconds: float | None) -> str:
    from easyhard.study import duration

    return f"about {duration(seconds)}" if seconds else "unknown: the model is not local"


def _room(space: Any) -> str:
    from easyhard.study import size_words

    if space.kept is None:
        return f"unknown: the model is not local; {size_words(space.free)} free"
    meanwhile = f", {size_words(space.at_work)} more at work" if space.at_work else ""
    short = ": too little" if space.kept + space.at_work > space.free else ""
    return f"about {size_words(space.kept)}{meanwhile}, of {size_words(space.free)} free{short}"


def _detectable(gain: float) -> str:
    if gain == float("inf"):
        return "none: too few items to detect any gain (power 0.8, zero-shot 0.5)"
    return f"{100 * gain:.1f} points (power 0.8, zero-shot 0.5)"
