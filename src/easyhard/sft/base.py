"""A base model that stays loaded from one training or evaluation to the next."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from easyhard.llm import LanguageModel, load_model
from easyhard.sft.adapter import lent_adapter
from easyhard.sft.dispatch import is_adapter, load_trained


class BaseModel:
    """One base model, loaded when first asked for, and again after something has changed its weights."""

    def __init__(self, path: str, revision: str | None = None) -> None:
        self._path, self._revision = path, revision
        self._model: LanguageModel | None = None

    def plain(self) -> LanguageModel:
        """The base as it is on disk, in float32. Raises InputError as ``load_model`` does."""
        if self._model is None:
            self._model = load_model(self._path, revision=self._revision)
        return self._model

    def drop(self) -> None:
        """Forget the weights: they were changed, or their memory is needed."""
        self._model = None
        gc.collect()

    @contextmanager
    def trained(self, folder: Path) -> Iterator[LanguageModel]:
        """What a training has saved in ``folder``: the base with its adapter merged for a while, or a checkpoint.

        Raises InputError as ``load_trained`` does.
        """
        if is_adapter(folder):
            with lent_adapter(self.plain(), folder) as model:
                yield model
            return
        model = self.plain()
        self._model = None  # the checkpoint needs its memory
        yield load_trained(model, folder)
