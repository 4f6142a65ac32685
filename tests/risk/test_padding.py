from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=20)
@given(length=st.integers(1, 20), noise=st.integers(0, 1000))
def test_what_stands_in_the_padding_changes_no_logit(scorer, windows, length, noise):
    """Law 5, through ONNX Runtime: weeks that were not held are not read."""
    few = windows.take(range(8))
    held = np.arange(20) >= 20 - length
    bare = few.observed & held[:, None]
    short = replace(few, held=np.broadcast_to(held, (8, 20)), observed=bare)
    junk = np.random.default_rng(noise).normal(size=few.values.shape).astype(np.float32)
    filled = np.where(held[:, None], few.values, junk)
    loud = replace(short, values=filled, observed=bare | ~held[:, None])
    np.testing.assert_allclose(scorer.score(loud).logit, scorer.score(short).logit, atol=1e-6)
