import pytest
import torch
import torch.nn.functional as F

from visionllm.models.connectors import TokenGuidance
from visionllm.structures import ImageTokens, TextFeatures


@pytest.fixture
def guidance():
    torch.manual_seed(0)
    return TokenGuidance(channels=32, text_width=16, num_layers=2, num_heads=4)


@pytest.fixture
def moved(guidance):
    torch.nn.init.normal_(guidance.out_proj.weight)
    return guidance


def random_tokens(batch=2, count=6):
    return ImageTokens(torch.randn(batch, count, 32), torch.rand(batch, count, 4), torch.randn(batch, count))


def random_text(batch=2, length=5):
    return TextFeatures(torch.randn(batch, length, 16), torch.ones(batch, length).bool())


def test_it_starts_as_the_identity(guidance):
    tokens = random_tokens()
    assert torch.equal(guidance(tokens, None, None, random_text()).objectness, tokens.objectness)


def test_only_the_objectness_changes(moved):
    tokens = random_tokens()
    guided = moved(tokens, None, None, random_text())
    assert (guided.objectness != tokens.objectness).all()
    for unchanged in ('embeddings', 'boxes', 'contours'):
        assert getattr(guided, unchanged) is getattr(tokens, unchanged)


def test_no_text_and_padding_change_nothing(moved):
    tokens, text = random_tokens(), random_text()
    nothing = TextFeatures(torch.zeros(2, 0, 16), torch.zeros(2, 0).bool())
    assert moved(tokens, None, None, nothing) is tokens
    padded = TextFeatures(F.pad(text.features, (0, 0, 0, 3), value=9.0), F.pad(text.mask, (0, 3)))
    with_padding, without = (moved(tokens, None, None, each).objectness for each in (padded, text))
    assert torch.allclose(with_padding, without, atol=1e-5)


def test_the_order_of_tokens_means_nothing(moved):
    tokens, text, order = random_tokens(), random_text(), torch.randperm(6)
    turned = moved(tokens.gather(order.expand(2, -1)), None, None, text)
    assert torch.allclose(turned.objectness, moved(tokens, None, None, text).objectness[:, order], atol=1e-5)


def test_it_learns_a_relation_between_two_tokens(guidance):
    """"Left" or "right": nothing in a token says which it is, only the other token does."""
    optimizer = torch.optim.AdamW(guidance.parameters(), lr=3e-3)
    words = torch.randn(2, 1, 16)
    right = []
    for _ in range(120):
        which = torch.randint(2, (32, ))
        boxes = torch.cat([torch.rand(32, 2, 2), torch.full((32, 2, 2), 0.1)], -1)
        tokens = ImageTokens(torch.zeros(32, 2, 32), boxes, torch.zeros(32, 2))
        guided = guidance(tokens, None, None, TextFeatures(words[which], torch.ones(32, 1).bool())).objectness
        target = (boxes[:, 0, 0] > boxes[:, 1, 0]).long() ^ which
        optimizer.zero_grad()
        F.cross_entropy(guided, target).backward()
        optimizer.step()
        right.append((guided.argmax(-1) == target).float().mean())
    assert sum(right[-10:]) / 10 > 0.9 and sum(right[:10]) / 10 < 0.7
