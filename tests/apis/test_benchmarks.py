import torch

from visionllm.apis.benchmarks import Decoding, decoding_rows, ratios, timed


def test_every_row_runs_and_every_ratio_is_of_rows(tiny):
    decoding = Decoding(tiny.llm, prefix=12, tuples=4)
    seconds = timed(decoding_rows(decoding, points=3, chosen=2), repeats=1)
    found = ratios(seconds, tuples=4, chosen=2)
    assert all(value > 0 for value in found.values())
    assert found['token by token, all / outlines of some'] == 2 * found['token by token, some / outlines of some']


def test_all_ways_read_the_same_tokens(tiny, monkeypatch):
    """Ours, the dense mask and the copied prefix: one answer for the same tokens."""
    decoding = Decoding(tiny.llm, prefix=6, tuples=3)
    prefix, blocks = torch.randn(1, 6, tiny.llm.width), torch.randn(3, 6, tiny.llm.width)  # two and four of a tuple
    seen, run = [], type(tiny.llm).forward

    def spy(self, embeddings, *args, **kwargs):
        states, read = run(self, given.pop(0), *args, **kwargs)
        seen.append(states)
        return states, read
    monkeypatch.setattr(type(tiny.llm), 'forward', spy)
    given = [prefix, blocks[:, :2].reshape(1, 6, -1), blocks[:, 2:].reshape(1, 12, -1)]
    with torch.no_grad():
        decoding.answer(3, 4)
        ours = seen[-1].view(3, 4, -1)
        given = [prefix, blocks.reshape(1, 18, -1)]
        decoding.densely(4)
        densely = seen[-1].view(3, 6, -1)[:, 2:]
        given = [prefix, blocks]
        decoding.on_copies(4)
    assert torch.allclose(ours, densely, atol=1e-4) and torch.allclose(ours, seen[-1][:, 2:], atol=1e-4)
