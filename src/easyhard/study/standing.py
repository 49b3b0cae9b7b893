"""What a run finds of its cells, what waits among them, and what is left to pay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from easyhard.study.line import Job
from easyhard.study.plan import Plan
from easyhard.study.progress import StudyProgress
from easyhard.study.state import Selection, error_of, is_done, needs_training, steps_of
from easyhard.wording import counted, shown_all


class Hopeless:
    """Whether a job waits because the zero-shot evaluation that it is compared with has failed by then."""

    def __init__(self, jobs: Sequence[Job], progress: StudyProgress) -> None:
        self._origins = {(job.study, job.cell.model.label): job for job in jobs if job.cell.train_bin is None}
        self._progress, self._told = progress, set[str]()

    def __call__(self, job: Job) -> bool:
        """Whether ``job`` waits; the first time that one does for a model, it is said."""
        origin = self._origins[job.study, job.cell.model.label]
        if origin.cell is job.cell or error_of(origin.cell) is None:
            return False
        self._progress.given_up(job.name)
        if origin.name not in self._told:
            self._told.add(origin.name)
            self._progress.note(f"{origin.name} failed, so there is nothing to compare with: its other cells wait.")
        return True


def what_stands(jobs: Sequence[Job], chosen: int, selection: Selection) -> list[str]:
    """What a run finds on disk, and what of it does not stand, in sentences; none if it finds nothing."""
    steps = [step for job in jobs for step in steps_of(job.cell)]
    done, failed = sum(is_done(job.cell) for job in jobs), [job for job in jobs if error_of(job.cell) is not None]
    objections = Counter(objection for step in steps if (objection := step.objection))
    lines = []
    if done or objections:
        lines.append(f"{done} of {counted(len(jobs), 'cell')} are done already, and stay as they are.")
    lines += [f"{counted(number, 'step')} made before cannot stand: {why}." for why, number in objections.items()]
    if failed and not selection.retry_failed:
        names = shown_all([job.name for job in failed], limit=3)
        lines.append(
            f"{counted(len(failed), 'cell')} failed before, and are left so: {names}. --retry-failed runs them again."
        )
    if lines and chosen:
        lines.append(f"{counted(chosen, 'cell')} to run now.")
    return lines


def costs(jobs: Sequence[Job], plans: Mapping[str, Plan], by_cell: bool) -> dict[str, float]:
    """Expected cost, in tokens passed forward, of the steps of ``jobs`` that are still to do, or of whole cells."""
    left: dict[str, float] = {}
    for job in jobs:
        plan, cell = plans[job.study], job.cell
        train, evaluate = (job.name, job.name) if by_cell else (f"{job.name}: train", f"{job.name}: evaluate")
        if needs_training(cell):
            left[train] = 2 * plan.training_tokens
        if not cell.evaluate.is_done:
            left[evaluate] = left.get(evaluate, 0.0) + plan.evaluation_tokens
    return left
