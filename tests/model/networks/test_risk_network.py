"""The network: padding and hidden values are silent, the attention's short cut is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edupulse.model.networks.attention import PooledAttention
from edupulse.model.networks.recurrent import SilentGRU
from edupulse.model.training import predict
from model.planted_rows import WEEKS, Rows, random_rows


def history_of(length: int, rows: Rows) -> Rows:
    """The same last weeks, with everything before them padding."""
    held = np.tile(np.arange(WEEKS) >= WEEKS - length, (len(rows.values), 1))
    observed = rows.observed & held[:, :, None]
    return replace(rows, held=held, observed=observed)


def only_last(length: int, rows: Rows) -> Rows:
    """The same last weeks in arrays that have no other weeks."""
    return replace(
        rows,
        values=rows.values[:, -length:],
        observed=rows.observed[:, -length:],
        held=rows.held[:, -length:],
    )


@pytest.mark.parametrize("length", range(1, WEEKS + 1))
def test_padding_changes_no_logit_whatever_the_length_of_the_history(full_network, length):
    rows = history_of(length, random_rows(16, seed=length))
    padded, unpadded = predict(full_network, rows), predict(full_network, only_last(length, rows))
    np.testing.assert_allclose(padded[0], unpadded[0], atol=1e-6)
    np.testing.assert_allclose(padded[1], unpadded[1], atol=1e-6)


@given(st.integers(1, WEEKS), st.floats(-1e6, 1e6, width=32), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_what_stands_in_padding_or_behind_an_unobserved_flag_changes_nothing(
    full_network, length, rubbish, seed
):
    rows = history_of(length, random_rows(8, seed=seed))
    filled = np.where(rows.observed, rows.values, np.float32(rubbish))
    flagged = rows.observed | ~rows.held[:, :, None]
    other = replace(rows, values=filled, observed=flagged)
    assert np.array_equal(predict(full_network, rows)[0], predict(full_network, other)[0])


def test_a_flag_alone_changes_the_logit(full_network):
    rows = random_rows(8, seed=2)
    center = full_network.members[0].center.numpy()
    seen = replace(
        rows,
        values=np.where(rows.observed, rows.values, center),
        observed=rows.observed | rows.held[:, :, None],
    )
    change = np.abs(predict(full_network, rows)[0] - predict(full_network, seen)[0])
    assert (change > 0).mean() > 0.5


def test_a_student_alone_and_in_a_batch_get_the_same(full_network):
    rows = random_rows(32, seed=4)
    alone = replace(rows, values=rows.values[:1], observed=rows.observed[:1], held=rows.held[:1])
    assert predict(full_network, alone)[0] == pytest.approx(
        predict(full_network, rows)[0][:1], abs=1e-6
    )


def test_the_silent_layer_equals_packed_sequences():
    torch.manual_seed(0)
    layer, lengths = SilentGRU(5, 7), [1, 3, 8]
    rows = [torch.randn(length, 5) for length in lengths]
    left = torch.stack([torch.cat((torch.randn(8 - len(row), 5), row)) for row in rows])
    padded = torch.tensor([[1.0] * (8 - n) + [0.0] * n for n in lengths]).unsqueeze(-1)
    states = layer(left, padded)
    ones = [torch.cat((row, torch.zeros(len(row), 1)), dim=1) for row in rows]
    packed = nn.utils.rnn.pack_sequence(ones, enforce_sorted=False)
    expected = nn.utils.rnn.unpack_sequence(layer.cells(packed)[0])
    for ours, theirs in zip(states, expected, strict=True):
        torch.testing.assert_close(ours[-len(theirs) :], theirs, atol=1e-6, rtol=0)


def test_projecting_after_pooling_equals_projecting_every_week():
    torch.manual_seed(1)
    attention, states = PooledAttention(12, 3), torch.randn(4, 6, 12)
    read = (torch.rand(4, 6) < 0.7).float()
    read[:, -1] = 1.0
    slow = nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        value = attention.value.transpose(1, 2).reshape(12, 12)
        slow.in_proj_weight.copy_(torch.cat((attention.query.weight, attention.key.weight, value)))
        slow.in_proj_bias.copy_(torch.cat((attention.query.bias, torch.zeros(24))))
        slow.out_proj.load_state_dict(attention.output.state_dict())
    every_week = slow(states, states, states, key_padding_mask=read == 0)[0]
    pooled = (every_week * read.unsqueeze(-1)).sum(1) / read.sum(1, keepdim=True)
    torch.testing.assert_close(attention(states, read)[0], pooled, atol=1e-6, rtol=1e-5)


def test_attention_gives_unread_weeks_no_weight():
    states, read = torch.randn(2, 5, 8), torch.tensor([[0.0, 0, 1, 1, 1], [0, 0, 0, 0, 1]])
    weight = PooledAttention(8, 2)(states, read)[1]
    assert (weight[read == 0] == 0).all()
    torch.testing.assert_close(weight.sum(1), torch.ones(2))
