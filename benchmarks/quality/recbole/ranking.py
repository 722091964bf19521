"""Recommendations over the whole catalogue with seen items removed. RecBole's own evaluation keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from log import Log

K = 10


@dataclass(frozen=True)
class Ranking:
    """Recommended lists, one per user.

    Args:
        users: the users' ids. [n]
        targets: each user's next item. [n]
        ranked: item ids, best first; empty strings where fewer than `K` items are unseen. [n, K]
    """

    users: npt.NDArray[np.str_]
    targets: npt.NDArray[np.str_]
    ranked: npt.NDArray[np.str_]

    def metrics(self) -> Mapping[str, float]:
        """Return mean recall and NDCG. With one target, recall is the hit rate and the ideal DCG is 1."""
        hits = self.ranked == self.targets[:, np.newaxis]
        gains = hits / np.log2(np.arange(K) + 2)
        return {f"recall@{K}": float(hits.any(axis=1).mean()), f"ndcg@{K}": float(gains.sum(axis=1).mean())}

    def save(self, path: Path) -> None:
        """Write the three arrays as strings into one `.npz` file.

        Args:
            path: the file to write.
        """
        np.savez_compressed(path, users=self.users, targets=self.targets, ranked=self.ranked)


class Ranker:
    """Ranks the catalogue for RecBole's users.

    Args:
        log: the whole log.
        dataset: RecBole's data set, made from the file of `write_atomic`.
    """

    def __init__(self, log: Log, dataset: Any) -> None:
        self._log = log
        user_tokens, item_tokens = (dataset.field2id_token[field][1:].astype(int) for field in ("user_id", "item_id"))
        self._user_positions = np.concatenate([[-1], user_tokens])  # RecBole's 0 is padding
        self._item_names = np.concatenate([[""], log.items[item_tokens].astype(str)])
        self._item_ids = np.empty(len(log.items), dtype=np.int64)
        self._item_ids[item_tokens] = np.arange(len(item_tokens)) + 1

    def rank(self, model: Any, data: Any, held_out: int) -> Ranking:
        """Return each user's `K` best items among those not seen before the target.

        Args:
            model: RecBole's model.
            data: RecBole's loader of the split.
            held_out: number of a user's last interactions that are hidden from the
                model, the target included: 2 in validation, 1 in test.

        Returns:
            The recommended lists.

        Raises:
            RuntimeError: RecBole's target differs from the log's.
        """
        positions, best = [], []
        model.eval()
        with torch.no_grad():
            for interaction, *_ in data:
                users = self._user_positions[interaction["user_id"].numpy()]
                scores = model.full_sort_predict(interaction.to(model.device)).cpu()
                scores[:, 0] = -torch.inf
                for row, (user, target) in enumerate(zip(users, interaction["item_id"].tolist(), strict=True)):
                    history = self._item_ids[self._log.histories[user]]
                    if history[-held_out] != target:
                        raise RuntimeError(f"user {self._log.users[user]}: RecBole's target differs from the log's")
                    scores[row, history[:-held_out]] = -torch.inf
                values, ids = torch.topk(scores, K)
                positions.append(users)
                best.append(torch.where(torch.isfinite(values), ids, 0).numpy())
        order = np.concatenate(positions)
        targets = np.array([self._item_ids[self._log.histories[user][-held_out]] for user in order])
        ranked = np.concatenate(best)
        return Ranking(self._log.users[order].astype(str), self._item_names[targets], self._item_names[ranked])
