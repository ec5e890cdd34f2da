"""The parallel layout against its definition: each block alone behind the same prefix."""

import torch

from visionllm.models.fusion import class_pass_layout, coordinate_pass_layout, next_coordinate_layout


def test_every_block_reads_as_if_it_were_alone(tiny):
    llm = tiny.llm
    prefix, real = llm.encode_prefix(['Find {"star": <c3>}'])
    images, tail, width = 5, 2, llm.width
    shared, blocks, coordinates = torch.randn(1, images + tail, width), torch.randn(images, 2, width), \
        torch.randn(images, 4, width)
    real = torch.cat([real, torch.ones(1, images + tail, dtype=torch.bool)], 1)
    attention, positions = class_pass_layout(real, images + tail, images)
    with torch.no_grad():
        states, read = llm(torch.cat([shared, blocks.flatten(0, 1)[None]], 1), prefix, attention, positions)
        selected = torch.tensor([[4, 1]])
        attention, positions = coordinate_pass_layout(real, selected, 4)
        second, _ = llm(coordinates[selected[0]].flatten(0, 1)[None], read, attention, positions)
        one_by_one, grown = [], read
        for step in range(4):
            attention, positions = next_coordinate_layout(real, selected, step, read.length)
            states_of_step, grown = llm(coordinates[selected[0], step][None], grown, attention, positions)
            one_by_one.append(states_of_step)
        assert torch.allclose(torch.stack(one_by_one, 2).flatten(1, 2), second, atol=1e-4)
        for row, i in enumerate([4, 1]):
            alone, _ = llm(torch.cat([shared, blocks[i:i + 1], coordinates[i:i + 1]], 1), prefix)
            parallel = torch.cat([states[0, images + tail + 2 * i:][:2], second[0, 4 * row:][:4]])
            assert torch.allclose(alone[0, images + tail:], parallel, atol=1e-4)


def test_all_blocks_stand_at_the_same_place():
    real = torch.ones(1, 11, dtype=torch.bool)
    blocks, positions = class_pass_layout(real, 4, 3)
    assert positions.tolist() == [[7, 8, 9, 10] + [11, 12] * 3]
    assert (blocks.shared, blocks.context, blocks.size, blocks.attention_mask) == (11, 4, 2, None)
    blocks, positions = coordinate_pass_layout(real, torch.tensor([[2, 0]]), 4)
    assert positions.tolist() == [[13, 14, 15, 16] * 2] and blocks.earlier.tolist() == [[[15, 16], [11, 12]]]


def test_padding_takes_no_place():
    real = torch.tensor([[False, True, True, True, False, True]])  # before the instruction, and before the tail
    blocks, positions = class_pass_layout(real, 3, 2)
    assert positions.tolist() == [[2, 2, 3] + [4, 5] * 2] and blocks.attention_mask is real
    blocks, positions = coordinate_pass_layout(real, torch.tensor([[1]]), 2)
    assert positions.tolist() == [[6, 7]] and blocks.earlier.tolist() == [[[8, 9]]]
