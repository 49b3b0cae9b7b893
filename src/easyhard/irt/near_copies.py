"""Which respondents are near-copies of one model: merges, quantisations, uploads of the same weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform
from scipy.special import ndtri

from easyhard.irt.copy_pairs import Pairs, log_likelihood_ratios, residuals_of_tested, tiles
from easyhard.irt.counts import Places, count_responses, row_blocks
from easyhard.irt.diagnostics.names import names_of
from easyhard.irt.diagnostics.residuals import Single
from easyhard.irt.item_model import ItemModel
from easyhard.irt.posterior import Posterior, posterior_of
from easyhard.schema import MISSING, FloatArray, InputError, IntArray
from easyhard.wording import counted, shown_all

# With a residual correlation r two respondents are worth 2 / (1 + r) independent ones (Kish 1965, Survey Sampling,
# ch. 5), from 1/3 on nearer to one than to two. A half is beyond that: two models that each keep 71% of a third
# one's answers reach it, and one model under two prompts usually does not.
LEAST_CORRELATION = 0.5

_STEP = 0.01  # of z in the tally of all pairs
_TOP = 60.0  # z beyond which the tally no longer tells pairs apart
_QUARTILE = 0.6745  # of a standard normal
_APART = 2.0  # distance of two that are no near-copies; of two that are it is 1 less the correlation


@dataclass(frozen=True, slots=True)
class NearCopies:
    """Groups of respondents who answer alike far beyond ability; in a group every two are near-copies.

    ``pairs`` holds all near-copies, also those whose groups did not merge. ``z`` in it counts from the bulk of all
    pairs, in units of its spread.
    """

    respondents: tuple[str, ...]  # all
    groups: tuple[tuple[int, ...], ...]  # row numbers, ascending; of two members or more each
    n_responses: Places  # [respondents]
    pairs: CopyPairs
    n_pairs: int  # tested
    centre: float  # of z under independence, over all pairs
    scale: float  # its spread there; 1 if answers are independent, and never less
    level: float

    def weights(self) -> FloatArray:
        """1 / size of the group for members, 1 for the others: [respondents], as ``fit_rasch(weight=)`` takes it."""
        weight = np.ones(len(self.respondents))
        for group in self.groups:
            weight[list(group)] = 1 / len(group)
        return weight

    def representatives(self) -> tuple[int, ...]:
        """The member of each group with the most responses; of several, the first by name."""
        return tuple(
            min(group, key=lambda row: (-self.n_responses[row], self.respondents[row])) for group in self.groups
        )

    @property
    def effective_number(self) -> float:
        """Sum of the weights of all who responded: a group counts as one respondent."""
        return float(self.weights()[self.n_responses > 0].sum())

    def frame(self) -> pl.DataFrame:
        """One row per member, compared with the group's representative; there the comparison is null."""
        found = {(int(a), int(b)): k for k, (a, b) in enumerate(zip(self.pairs.first, self.pairs.second, strict=True))}
        group_of, members, others, places = [], [], [], []
        for number, (group, chosen) in enumerate(zip(self.groups, self.representatives(), strict=True)):
            for row in group:
                group_of.append(number)
                members.append(row)
                others.append(chosen)
                places.append(found.get((min(row, chosen), max(row, chosen))))
        names = pl.Series(self.respondents, dtype=pl.String)
        at = pl.Series(places, dtype=pl.Int64)
        return pl.DataFrame(
            {
                "group": pl.Series(group_of, dtype=pl.Int64),
                "respondent": names.gather(pl.Series(members, dtype=pl.UInt32)),
                "representative": names.gather(pl.Series(others, dtype=pl.UInt32)),
                "weight": self.weights()[np.array(members, dtype=np.intp)],
            }
        ).with_columns(self.pairs.figures().select(pl.all().gather(at)))

    def reading(self) -> str:
        """What was found, in a few sentences."""
        if not self.n_pairs:
            return "No two respondents can be compared: each needs right and wrong answers, and items in common."
        spread = f"Residuals of two respondents spread {self.scale:.1f} times as far as independent answers would."
        if not self.groups:
            return f"No near-copies among {counted(len(self.respondents), 'respondent')}. {spread}"
        members = sum(len(group) for group in self.groups)
        largest = max(self.groups, key=len)
        n_within = sum(len(group) * (len(group) - 1) // 2 for group in self.groups)
        text = (
            f"{members:,} of {counted(len(self.respondents), 'respondent')} are near-copies of another, in "
            f"{counted(len(self.groups), 'group')}; counting a group as one, {self.effective_number:,.0f} remain. The "
            f"largest has {len(largest):,}: {shown_all([self.respondents[row] for row in largest], 4)}. "
        )
        if chains := len(self.pairs.first) - n_within:
            text += f"{counted(chains, 'pair')} of near-copies are in different groups, as chains are cut. "
        return text + f"Calibrate with these weights, or with one respondent a group. {spread}"


@dataclass(frozen=True, slots=True)
class CopyPairs:
    """Pairs that are near-copies, by row number, the smaller first: [pairs] each."""

    first: Places
    second: Places
    n_items: Places  # both responded to
    agreement: FloatArray  # share of them with the same answer
    expected_agreement: FloatArray  # were the answers independent given abilities
    residual_correlation: FloatArray  # 1 if all answers are the same; about the share copied
    z: FloatArray
    log_likelihood_ratio: FloatArray  # of copying to independence, natural

    def figures(self) -> pl.DataFrame:
        """All but the row numbers, one row per pair."""
        return pl.DataFrame({name: getattr(self, name) for name in self.__slots__[2:]})


def near_copies(
    correct: IntArray,
    model: ItemModel,
    posterior: Posterior | None = None,
    respondents: Sequence[str] | None = None,
    level: float = 0.01,
) -> NearCopies:
    """Near-copies among the respondents of ``correct``, int8 [respondents, items]: 1, 0, and -1 for missing.

    Two respondents are near-copies if three things hold of what ``model`` leaves unexplained of their answers:

    - size: the correlation of their residuals (Yen's Q3 of 1984, for respondents) is at least 0.5. If one took over
      a share c of the other's answers and gave the rest by itself, it is about c;
    - chance: the answers are ``n_pairs / level`` times as likely if one copied as if neither did. Without copying
      that happens to any of the pairs with a probability of at most ``level`` (Markov's inequality; Royall 2000,
      JASA 95, 760-768), however few or extreme the answers are;
    - the crowd: the correlation stands out from those of all pairs, taken as normal with the centre and spread of
      their middle half (empirical null, Efron 2004, JASA 99, 96-104), by Bonferroni at ``level``. Model families
      and a second ability make answers dependent too. The level is for independent answers: of many relatives with
      residuals that correlate by 0.2 and more, some reach 0.5 on a short test by chance.

    Groups are by complete linkage: in a group every two are near-copies, so a chain of merges is cut where its
    ends are no longer alike. Respondents with nothing right or nothing wrong are never grouped. Pairs are taken
    tile by tile; memory is a few copies of the matrix in single precision. Raises InputError as ``posterior_of``
    does, for names that do not fit, and for a level that is no probability.
    """
    if not 0 < level < 1:
        raise InputError(f"level is {level}, but it is a probability of a false group. Give one between 0 and 1.")
    names = names_of("respondent", respondents, len(correct))
    posterior = posterior or posterior_of(correct, model)
    counts = count_responses(correct)
    residuals = residuals_of_tested(correct, model, posterior, counts)
    tally, parts = _Tally(), [_no_pairs()]
    for tile in tiles(residuals):
        tally.add(tile.z)
        parts.append(tile.alike(LEAST_CORRELATION))
    alike = Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in Pairs.__slots__))
    centre, scale = tally.null()
    from_bulk = (alike.z - centre) / scale
    stand_out = from_bulk > -ndtri(level / max(tally.n_pairs, 1))
    alike, from_bulk = alike.pick(stand_out), from_bulk[stand_out]
    ratio = log_likelihood_ratios(residuals, alike)
    found = ratio >= np.log(max(tally.n_pairs, 1) / level)
    alike, from_bulk, ratio = alike.pick(found), from_bulk[found], ratio[found]
    first, second = residuals.rows[alike.first], residuals.rows[alike.second]
    n_items, agreement, expected = _agreement(correct, model, posterior, first, second)
    return NearCopies(
        respondents=names,
        groups=_groups(first, second, alike.correlation),
        n_responses=counts.respondent_seen,
        pairs=CopyPairs(first, second, n_items, agreement, expected, alike.correlation, from_bulk, ratio),
        n_pairs=tally.n_pairs,
        centre=centre,
        scale=scale,
        level=level,
    )


class _Tally:
    """Counts of z over all pairs, and where its middle half lies."""

    def __init__(self) -> None:
        self.count = np.zeros(2 * int(_TOP / _STEP) + 1, dtype=np.int64)

    def add(self, z: Single) -> None:
        place = np.clip(np.rint((z[np.isfinite(z)] + _TOP) / _STEP), 0, len(self.count) - 1)
        self.count += np.bincount(place.astype(np.intp), minlength=len(self.count))

    @property
    def n_pairs(self) -> int:
        return int(self.count.sum())

    def null(self) -> tuple[float, float]:
        """Centre and spread: the median, and the distance of the quartiles by that of a normal, 1 at least."""
        if not self.n_pairs:
            return 0.0, 1.0
        places = np.searchsorted(np.cumsum(self.count), np.array([0.25, 0.5, 0.75]) * self.n_pairs)
        low, middle, high = places * _STEP - _TOP
        return float(middle), max(float(high - low) / (2 * _QUARTILE), 1.0)


def _no_pairs() -> Pairs:
    nothing, none = np.empty(0, dtype=np.intp), np.empty(0)
    return Pairs(nothing, nothing, none, none)


def _agreement(
    correct: IntArray, model: ItemModel, posterior: Posterior, first: Places, second: Places
) -> tuple[Places, FloatArray, FloatArray]:
    """Items in common, share of like answers, and the share expected: [pairs] each."""
    n, agreement, expected = np.empty(len(first), dtype=np.intp), np.empty(len(first)), np.empty(len(first))
    curve = model.probability(posterior.ability)
    for block in row_blocks((len(first), correct.shape[1])):
        one, other = correct[first[block]], correct[second[block]]
        both = (one != MISSING) & (other != MISSING)
        p, q = posterior.weight[first[block]] @ curve, posterior.weight[second[block]] @ curve
        n[block] = both.sum(axis=1)
        agreement[block] = ((one == other) & both).sum(axis=1) / n[block]
        expected[block] = ((p * q + (1 - p) * (1 - q)) * both).sum(axis=1) / n[block]
    return n, agreement, expected


def _groups(first: Places, second: Places, correlation: FloatArray) -> tuple[tuple[int, ...], ...]:
    """Complete linkage within each set of rows that near-copies connect, so that distances fit in memory."""
    groups = [group for members in _connected(first, second) for group in _linked(members, first, second, correlation)]
    return tuple(sorted(groups))


def _connected(first: Places, second: Places) -> Iterator[Places]:
    """Rows that are connected by pairs, ascending, set by set."""
    rows, place = np.unique(np.concatenate([first, second]), return_inverse=True)
    one, other = place[: len(first)], place[len(first) :]
    graph = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(len(rows), len(rows)))
    count, label = connected_components(graph, directed=False)
    order = np.argsort(label, kind="stable")
    ends = np.cumsum(np.bincount(label, minlength=count))
    yield from (rows[part] for part in np.split(order, ends[:-1]) if len(part))


def _linked(members: Places, first: Places, second: Places, correlation: FloatArray) -> list[tuple[int, ...]]:
    """Groups of ``members`` in which every two are a pair."""
    mine = np.isin(first, members)
    one, other = np.searchsorted(members, first[mine]), np.searchsorted(members, second[mine])
    distance = np.full((len(members), len(members)), _APART)
    np.fill_diagonal(distance, 0)
    distance[one, other] = distance[other, one] = np.maximum(1 - correlation[mine], 0)
    label = fcluster(linkage(squareform(distance, checks=False), "complete"), (1 + _APART) / 2, "distance")
    groups = (tuple(int(row) for row in members[label == one]) for one in np.unique(label))
    return [group for group in groups if len(group) > 1]
