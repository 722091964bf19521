import pytest
from apache_beam.runners.worker.statesampler import StateSampler
from apache_beam.utils.counters import CounterFactory

from pipeline.runners.state_sampling import end_stages_promptly


def test_stages_sample_their_state_every_5_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StateSampler.__init__, "__defaults__", StateSampler.__init__.__defaults__)  # it is restored
    assert StateSampler("stage", CounterFactory()).sampling_period_ms == 200
    end_stages_promptly()
    assert StateSampler("stage", CounterFactory()).sampling_period_ms == 5
