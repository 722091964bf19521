"""Scores of shown items that need no training: popularity, category affinity and vectors of titles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.content.mind import Floats, News, Shown


def popularity(shown: Shown) -> Floats:
    """Return the number of clicks that each shown item got in impressions with an earlier time.

    Args:
        shown: the impressions.

    Returns:
        [shown]. An item has the same score in all impressions of a second.
    """
    moments, moment = np.unique(shown.times_s, return_inverse=True)
    keys = shown.items * len(moments) + moment[shown.impressions]
    clicks = np.sort(keys[shown.clicked])
    before = np.searchsorted(clicks, keys) - np.searchsorted(clicks, shown.items * len(moments))
    return before.astype(np.float64)


def category_affinity(shown: Shown, news: News) -> Floats:
    """Return the share of each shown item's category in the user's history of articles with a title.

    Args:
        shown: the impressions.
        news: the articles, in the order of the item indices.

    Returns:
        [shown], by the rule of `with_neutral` for items without a title.
    """
    codes, names = pd.factorize(np.array(news.categories, object))
    one_hot = sparse.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)), (len(codes), len(names)))
    counts = (shown.history @ one_hot).toarray()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    titled = shown.items < shown.titled
    return with_neutral(shown, shares[shown.impressions[titled], codes[shown.items[titled]]])


def title_vectors(titles: list[str]) -> sparse.csr_matrix:
    """Return TF-IDF vectors of titles, without English stop words. [titles, words], each of length 1 or 0.

    Args:
        titles: the titles.
    """
    return TfidfVectorizer(stop_words="english", sublinear_tf=True).fit_transform(titles)


def read_vectors(path: Path, news: News) -> sparse.csr_matrix:
    """Return vectors of titles from a Parquet file with the columns `id` and `vector`, each scaled to length 1.

    Args:
        path: the file.
        news: the articles; one that the file lacks has the vector 0.
    """
    table = pq.read_table(path, columns=["id", "vector"])
    found = dict(zip(table["id"].to_pylist(), table["vector"].to_pylist(), strict=True))
    zero = [0.0] * len(next(iter(found.values())))
    vectors = np.array([found.get(name, zero) for name in news.ids])
    return sparse.csr_matrix(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def cosine_to_history(shown: Shown, vectors: sparse.csr_matrix) -> Floats:
    """Return the cosine of each shown item's vector and the mean vector of the user's history.

    Args:
        shown: the impressions.
        vectors: [titled, dim], each of length 1 or 0.

    Returns:
        [shown], by the rule of `with_neutral` for items without a title.
    """
    profiles = shown.history @ vectors
    lengths = np.sqrt(np.asarray(profiles.multiply(profiles).sum(axis=1)).ravel())
    titled = shown.items < shown.titled
    rows = shown.impressions[titled]
    products = np.asarray(profiles[rows].multiply(vectors[shown.items[titled]]).sum(axis=1)).ravel()
    return with_neutral(shown, products / np.maximum(lengths[rows], 1e-12))


def with_neutral(shown: Shown, scores: Floats) -> Floats:
    """Return scores of all shown items: one without a title gets the mean of its impression's other scores.

    So it is neither before nor after an item with a title for having none. Without any title in the impression, all
    scores are 0.

    Args:
        shown: the impressions.
        scores: [shown items with a title], in their order.
    """
    titled = shown.items < shown.titled
    count = len(shown.users)
    rows = shown.impressions[titled]
    means = np.bincount(rows, scores, count) / np.maximum(np.bincount(rows, minlength=count), 1)
    found = means[shown.impressions]
    found[titled] = scores
    return found
