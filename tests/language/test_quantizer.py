import torch
from hypothesis import given
from hypothesis import strategies as st

from visionllm.language.quantizer import bins_to_offsets, expected_bin, offsets_to_bins, soft_bins

OFFSETS = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30).map(torch.tensor)


@given(OFFSETS)
def test_round_trip_costs_at_most_half_a_bin(offsets):
    back = bins_to_offsets(offsets_to_bins(offsets).round())
    assert (back - offsets).abs().max() <= 0.5 / 512 + 1e-6


@given(OFFSETS, st.sampled_from([0, 1.0, 4.0]))
def test_targets_are_distributions_and_their_mean_is_the_place(offsets, sigma):
    bins = offsets_to_bins(offsets * 0.9)
    target = soft_bins(bins, sigma)
    assert torch.allclose(target.sum(-1), torch.ones(len(offsets)), atol=1e-5)
    assert (expected_bin(target.clamp_min(1e-30).log()) - bins).abs().max() <= 0.51


def test_what_cannot_be_said_is_clipped():
    assert offsets_to_bins(torch.tensor([-3.0, 3.0])).tolist() == [0, 1024]
