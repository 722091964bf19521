from __future__ import annotations

import pytest

from pipeline.report.attention import AttentionSummary, attention_text, summarize_attention


def summary(weights: list[list[float]]) -> AttentionSummary:
    found = summarize_attention(weights)
    assert found is not None
    return found


def test_summary_has_means_and_the_median_of_the_greatest_weights() -> None:
    # Entropies 0, 1 and 1; greatest weights 1, 1/2 and 1/4; newest 0, 1/2 and 1/4. One is no choice.
    found = summary([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.25] * 4 + [0.0], [1.0, 0.0]])
    assert (found.users, found.largest) == (3, 0.5)
    assert found.entropy == pytest.approx(2 / 3)
    assert found.newest == pytest.approx(0.75 / 3)


@pytest.mark.parametrize("weights", [[], [[0.0]], [[1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0, 0.0]]])
def test_network_without_attention_has_no_summary(weights: list[list[float]]) -> None:
    assert summarize_attention(weights) is None
    assert attention_text(None).startswith("The network has no attention")


def test_saturated_attention_is_named() -> None:
    found = summary([[0.05, 0.95, 0.0], [0.04, 0.96, 0.0], [0.5, 0.5, 0.0]])
    assert found.saturated
    assert attention_text(found).startswith(
        "The attention is saturated: half of the users give at least 95% of the weight to one position."
    )


def test_median_at_the_threshold_is_not_saturated() -> None:
    found = summary([[0.1, 0.9, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
    assert not found.saturated
    text = attention_text(found)
    assert "saturated" not in text
    assert text.endswith("Half of the users give at most 90% of the weight to one position.")
    assert "gives the newest 80% of the weight" in text  # (0.9 + 1.0 + 0.5) / 3
