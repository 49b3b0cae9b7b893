"""Sets of respondents and items that no response connects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from easyhard.irt.cases import distinct
from easyhard.irt.counts import Places
from easyhard.schema import MISSING, IntArray


@dataclass(frozen=True, slots=True)
class Islands:
    """Which set of respondents and items each belongs to, numbered from 0 by the number of items, most first.

    A respondent or item without any response is a set of its own.
    """

    respondent: Places  # [respondents]
    item: Places  # [items]

    @property
    def count(self) -> int:
        """Sets that have both respondents and items."""
        return len(np.intersect1d(self.respondent, self.item))


def islands(correct: IntArray) -> Islands:
    """Sets of ``correct`` [respondents, items] that no response connects; one set if all is linked."""
    seen = correct != MISSING
    row_first, row_of = distinct(np.packbits(seen, axis=1))
    column_first, column_of = distinct(np.packbits(seen, axis=0).T)
    small = seen[np.ix_(row_first, column_first)] if len(row_first) < len(seen) else seen[:, column_first]
    rows, columns = np.nonzero(small)
    n = small.shape[0] + small.shape[1]
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns + small.shape[0])), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    respondent, item = label[: small.shape[0]][row_of], label[small.shape[0] :][column_of]
    size = np.bincount(item, minlength=label.max() + 1)
    rank = np.empty_like(size)
    rank[np.argsort(-size, kind="stable")] = np.arange(len(size))
    return Islands(rank[respondent], rank[item])
