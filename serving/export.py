"""From a trained model to a SavedModel that answers in item ids.

Four signatures, in plain TensorFlow ops, usable from stock TensorFlow Serving:

| signature | in | out |
| --- | --- | --- |
| `serving_default` | `examples` string [batch] | `item_ids`, `scores`, `fallback` |
| `recommend` | `item_ids` string [batch, length]; optional `timestamps_s`, `exclude`, `k` | the same |
| `score` | `item_ids`, `candidate_ids` string [batch, n] | `scores` float32 [batch, n] |
| `explain` | `item_ids` | as `recommend`, and `attention` float32 [batch, length] |

`docs` of each are on the functions of `_signatures`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from schemas.features import EXCLUDE_IDS, ITEM_IDS, PADDING_ID
from serving.index import INDEXES, LOWEST
