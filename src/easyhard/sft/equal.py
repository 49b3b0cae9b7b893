"""Equal training: nothing but the items differs between the trainings that are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from easyhard.sft.config import TrainingConfig, n_steps
from easyhard.wording import counted


def unequal_trainings(sizes: Mapping[str, int], config: TrainingConfig) -> tuple[str, ...]:
    """Sentences on the trainings that cannot be like the others, by name of the training and number of its items.

    Like the others means as many examples, and so as many steps at the same learning rates; the rest of ``config``
    is one for all. Empty if all are alike. What most trainings have is what the others are compared with, the larger
    number if two are as frequent.
    """
    if not sizes:
        return ()
    usual = max(Counter(sizes.values()).items(), key=lambda pair: (pair[1], pair[0]))[0]
    return tuple(
        f"{name} trains on {counted(size, 'example')} in {counted(n_steps(size, config), 'step')}, the others on "
        f"{counted(usual, 'example')} in {counted(n_steps(usual, config), 'step')}."
        for name, size in sizes.items()
        if size != usual
    )
