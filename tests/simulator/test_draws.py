"""The named random numbers are what they claim to be."""

from __future__ import annotations

import numpy as np

from edupulse.simulator import draws

KEYS = draws.root(7, "test", 20_000)


def test_uniforms_are_uniform_and_normals_normal() -> None:
    lot, bell = draws.uniform(KEYS, "lot"), draws.normal(KEYS, "bell")
    assert np.allclose(np.histogram(lot, bins=10, range=(0, 1))[0] / KEYS.size, 0.1, atol=0.01)
    assert abs(bell.mean()) < 0.03
    assert abs(bell.std() - 1) < 0.02


def test_draws_of_other_names_steps_and_keys_are_unrelated() -> None:
    first = draws.uniform(KEYS, "lot", 1)
    others = [
        draws.uniform(KEYS, "lot", 2),
        draws.uniform(KEYS, "other", 1),
        draws.uniform(draws.fork_by(KEYS, np.arange(KEYS.size)), "lot", 1),
        np.roll(first, 1),
    ]
    assert all(abs(np.corrcoef(first, other)[0, 1]) < 0.03 for other in others)


def test_a_draw_does_not_depend_on_its_neighbours() -> None:
    whole = draws.root(7, "test", 100)
    assert np.array_equal(whole[40:60], draws.root(7, "test", 20, first=40))
    assert np.array_equal(draws.normal(whole, "x")[40:60], draws.normal(whole[40:60], "x"))


def test_choices_follow_their_weights() -> None:
    chosen = draws.choose(KEYS, [1.0, 0.0, 3.0], "choice")
    assert set(np.unique(chosen)) == {0, 2}
    assert abs((chosen == 2).mean() - 0.75) < 0.02
