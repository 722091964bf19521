"""The settings of RecBole's models: those that its authors found for MovieLens-1M.

`SOURCE` is the last revision with the records of their search. `md/ml-1m_seq.md` has the settings that all models
share, `hyper/sequential/MODEL-ml-1m_seq.md` the best of each model. A setting that the search did not vary is the
default of RecBole 1.2.1, written out. NARM's search varied `num_layers`, which NARM ignores: its records come in
equal pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOURCE = "https://github.com/RUCAIBox/RecBole/tree/5ebaece50cc9bf0eabcc4e79487fa3e63c4fa120/benchmark"

TRAINING: Mapping[str, Any] = {
    "loss_type": "CE",  # over the whole catalogue
    "train_neg_sample_args": None,
    "train_batch_size": 4096,
    "learner": "adam",
    "weight_decay": 0.0,
    "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
    "metrics": ["Recall", "NDCG"],
    "topk": [10],
    "valid_metric": "NDCG@10",
    "eval_step": 1,
    "stopping_step": 10,
}

MODELS: Mapping[str, Mapping[str, Any]] = {
    "GRU4Rec": {
        "learning_rate": 0.005,
        "embedding_size": 64,
        "hidden_size": 128,
        "num_layers": 2,
        "dropout_prob": 0.3,
    },
    "NARM": {
        "learning_rate": 0.005,
        "embedding_size": 64,
        "hidden_size": 128,
        "n_layers": 1,
        "dropout_probs": [0.25, 0.5],
    },
    "SASRec": {
        "learning_rate": 0.0005,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_size": 64,
        "inner_size": 256,
        "hidden_dropout_prob": 0.5,
        "attn_dropout_prob": 0.5,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "initializer_range": 0.02,
    },
}
