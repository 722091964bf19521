"""Metrics of what is recommended besides its accuracy: popularity, novelty, serendipity, diversity, repeats."""

from __future__ import annotations

import numpy as np

from trainer.metrics.item_distance import mean_distance
from trainer.metrics.lists import Floats, Lists
from trainer.metrics.metric import Metric, divide, first_hits, first_k, nan_without_target


class MeanPopularity(Metric):
    """Mean number of interactions of the recommended items, in multiples of the average item's.

    Returns (when called): float64 [n], NaN for an empty list.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Catalogue, Lists, MeanPopularity
        >>> catalogue = Catalogue(np.array(["a", "b"], object), np.array([6, 2]), np.array([4, 2]), all_users=4)
        >>> lists = Lists(np.array([["a", "b"]], object), targets=[[]], histories=[[]], catalogue=catalogue)
        >>> MeanPopularity(k=1)(lists)  # 6 interactions; the average item has 4
        array([1.5])
    """

    def _values(self, lists: Lists) -> Floats:
        interactions = lists.catalogue.interactions
        mean = max(interactions.sum(), 1) / max(len(interactions), 1)
        return _mean_over_items(self, lists, interactions / mean, unknown=0.0)


class Novelty(Metric):
    """Mean self-information of the recommended items, in bits (Zhou et al. 2010).

    The self-information of an item is -log2 of the fraction of users who
    interacted with it. An item without users counts as if it had one.

    Returns (when called): float64 [n], NaN for an empty list.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Catalogue, Lists, Novelty
        >>> catalogue = Catalogue(np.array(["a", "b"], object), np.array([6, 1]), np.array([4, 1]), all_users=4)
        >>> lists = Lists(np.array([["a", "b"]], object), targets=[[]], histories=[[]], catalogue=catalogue)
        >>> Novelty(k=2)(lists)  # all users know a (0 bits), one of four knows b (2 bits)
        array([1.])
    """

    def _values(self, lists: Lists) -> Floats:
        everyone = max(lists.catalogue.all_users, 1)
        bits = np.log2(everyone / np.maximum(lists.catalogue.users, 1))
        return _mean_over_items(self, lists, bits, unknown=np.log2(everyone))


class Serendipity(Metric):
    """How much higher the hits are ranked than by popularity (Ge et al. 2010, as RecTools computes it).

    Serendipity@k is the sum over the hits of max(P - Q, 0), divided by k.
    Of n items, P is (n + 1 - rank in the list) / n. Q is the same for the
    item's rank by popularity. Equally popular items share a rank, and the next
    rank follows without a gap. Q of an item without interactions is 0.

    Returns (when called): float64 [n], NaN for a list without a target.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Catalogue, Lists, Serendipity
        >>> catalogue = Catalogue(np.array(["a", "b"], object), np.array([6, 2]), np.array([4, 2]), all_users=4)
        >>> lists = Lists(np.array([["b"]], object), targets=[["b"]], histories=[[]], catalogue=catalogue)
        >>> Serendipity(k=1)(lists)  # first in the list (P = 2 / 2), second by popularity (Q = 1 / 2)
        array([0.5])
    """

    def _values(self, lists: Lists) -> Floats:
        hits, indices = first_hits(self, lists), first_k(self, lists.indices)
        count, interactions = len(lists.catalogue), np.append(lists.catalogue.interactions, 0)  # unknown items at -1
        levels = np.unique(interactions)
        rank = np.where(interactions > 0, len(levels) - np.searchsorted(levels, interactions), count + 1)
        gain = np.maximum(rank[indices] - np.arange(1, hits.shape[1] + 1), 0) / max(count, 1)
        return nan_without_target(lists, (hits * gain).sum(axis=1) / self.k)


class Diversity(Metric):
    """Mean distance between two items of a list (Ziegler et al. 2005).

    Where items have categories, the distance is 1 - their Jaccard similarity.
    Otherwise it is 1 - the cosine of the items' vectors.

    Returns (when called): float64 [n], NaN for a list with fewer than two known items.

    Example:
        >>> import numpy as np
        >>> from scipy import sparse
        >>> from trainer.metrics import Catalogue, Diversity, Lists
        >>> drama_and_war = sparse.csr_matrix([[1, 0], [1, 1]])
        >>> items, ones = np.array(["a", "b"], object), np.ones(2, int)
        >>> catalogue = Catalogue(items, ones, ones, all_users=1, categories=drama_and_war)
        >>> lists = Lists(np.array([["a", "b"]], object), targets=[[]], histories=[[]], catalogue=catalogue)
        >>> Diversity(k=2)(lists)  # one of two categories is common
        array([0.5])
    """

    def _values(self, lists: Lists) -> Floats:
        return mean_distance(lists.catalogue, first_k(self, lists.indices))


class Repeats(Metric):
    """Fraction of the recommended items that are in the user's history.

    Returns (when called): float64 [n], NaN for an empty list.

    Example:
        >>> import numpy as np
        >>> from trainer.metrics import Catalogue, Lists, Repeats
        >>> catalogue = Catalogue(np.array(["a", "b"], object), np.ones(2, int), np.ones(2, int), all_users=1)
        >>> lists = Lists(np.array([["a", "b"]], object), targets=[[]], histories=[["b"]], catalogue=catalogue)
        >>> Repeats(k=2)(lists)
        array([0.5])
    """

    def _values(self, lists: Lists) -> Floats:
        return divide(first_k(self, lists.repeats).sum(axis=1), first_k(self, lists.filled).sum(axis=1))


def _mean_over_items(metric: Metric, lists: Lists, item_values: Floats, unknown: float) -> Floats:
    """Return the mean of the items' values; `unknown` is the value of an item outside the catalogue."""
    filled = first_k(metric, lists.filled)
    values = np.append(item_values, unknown)[first_k(metric, lists.indices)]
    return divide((values * filled).sum(axis=1), filled.sum(axis=1))
