"""The parallel layout against its definition: each block alone behind the same prefix."""

import torch

from visionllm.models.fusion import class_pass_layout, coordinate_pass_layout


def test_every_block_reads_as_if_it_were_alone(tiny):
    llm = tiny.llm
    prefix = llm.read('Find {"star": <c3>}')
    images, tail, width = 5, 2, llm.width
    shared, blocks, coordinates = torch.randn(1, images + tail, width), torch.randn(images, 2, width), \
        torch.randn(images, 4, width)
    attention, positions = class_pass_layout(prefix.length, images + tail, images, torch.device('cpu'))
    with torch.no_grad():
        states, read = llm(torch.cat([shared, blocks.flatten(0, 1)[None]], 1), prefix, attention, positions)
        selected = torch.tensor([[4, 1]])
        attention, positions = coordinate_pass_layout(prefix.length + images + tail, images, selected, 4)
        second, _ = llm(coordinates[selected[0]].flatten(0, 1)[None], read, attention, positions)
        for row, i in enumerate([4, 1]):
            alone, _ = llm(torch.cat([shared, blocks[i:i + 1], coordinates[i:i + 1]], 1), prefix)
            parallel = torch.cat([states[0, images + tail + 2 * i:][:2], second[0, 4 * row:][:4]])
            assert torch.allclose(alone[0, images + tail:], parallel, atol=1e-4)


def test_order_of_the_tokens_does_not_change_a_block(tiny):
    llm = tiny.llm
    prefix = llm.read('Find {"star": <c3>}')
    attention, positions = class_pass_layout(prefix.length, 4, 3, torch.device('cpu'))
    assert positions[4:].tolist() == [prefix.length + 4, prefix.length + 5] * 3
    assert attention[4:, :prefix.length + 4].all()
    assert attention[4:, prefix.length + 4:].int().tolist() == [
        [1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1, 1]]
