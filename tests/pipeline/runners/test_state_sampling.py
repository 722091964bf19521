import pytest
from apache_beam.runners.worker.statesampler import StateSampler
from apache_beam.utils.counters import CounterFactory

from pipeline.runners.state_sampling import end_stages_promptly


def test_stages_sample_their_state_every_5_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    # An earlier run in this process has changed the period already; pytest restores what it finds.
    monkeypatch.setattr(StateSampler.__init__, "__defaults__", (200,))
    assert StateSampler("stage", CounterFactory()).sampling_period_ms == 200
    end_stages_promptly()
    assert StateSampler("stage", CounterFactory()).sampling_period_ms == 5
