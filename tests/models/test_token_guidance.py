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
    torch.nn.init.normal_(guidance.out.weight)
    return guidance


def random_tokens(batch=2, count=6):
    return ImageTokens(torch.randn(batch, count, 32), torch.rand(batch, count, 4), torch.randn(batch, count))


def random_text(batch=2, length=5):
    return TextFeatures(torch.randn(batch, length, 16), torch.ones(batch, length).bool())


def test_it_starts_as_nothing(guidance):
    tokens = random_tokens()
    assert torch.equal(guidance(tokens, random_text()).objectness, tokens.objectness)


def test_only_whether_a_token_is_meant_changes(moved):
    tokens = random_tokens()
    heard = moved(tokens, random_text())
    assert (heard.objectness != tokens.objectness).all()
    assert heard.embeddings is tokens.embeddings and heard.boxes is tokens.boxes and heard.rings is tokens.rings


def test_no_text_and_padding_change_nothing(moved):
    tokens, text = random_tokens(), random_text()
    nothing = TextFeatures(torch.zeros(2, 0, 16), torch.zeros(2, 0).bool())
    assert moved(tokens, nothing) is tokens
    padded = TextFeatures(F.pad(text.features, (0, 0, 0, 3), value=9.0), F.pad(text.mask, (0, 3)))
    assert torch.allclose(moved(tokens, padded).objectness, moved(tokens, text).objectness, atol=1e-5)


def test_the_order_of_tokens_means_nothing(moved):
    tokens, text, order = random_tokens(), random_text(), torch.randperm(6)
    turned = moved(tokens.pick(order.expand(2, -1)), text)
    assert torch.allclose(turned.objectness, moved(tokens, text).objectness[:, order], atol=1e-5)


def test_it_learns_which_of_two_is_meant_by_where_the_other_is(guidance):
    """"Left" or "right": nothing in a token says which it is, only the other token does."""
    optimizer = torch.optim.AdamW(guidance.parameters(), lr=3e-3)
    words = torch.randn(2, 1, 16)
    right = []
    for _ in range(120):
        said = torch.randint(2, (32, ))
        boxes = torch.cat([torch.rand(32, 2, 2), torch.full((32, 2, 2), 0.1)], -1)
        tokens = ImageTokens(torch.zeros(32, 2, 32), boxes, torch.zeros(32, 2))
        heard = guidance(tokens, TextFeatures(words[said], torch.ones(32, 1).bool())).objectness
        meant = (boxes[:, 0, 0] > boxes[:, 1, 0]).long() ^ said
        optimizer.zero_grad()
        F.cross_entropy(heard, meant).backward()
        optimizer.step()
        right.append((heard.argmax(-1) == meant).float().mean())
    assert sum(right[-10:]) / 10 > 0.9 and sum(right[:10]) / 10 < 0.7
