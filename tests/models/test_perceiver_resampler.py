import torch
from mmdet.registry import MODELS

from visionllm.structures import ImageTokens


def tokens(count, batch=2, channels=16):
    return ImageTokens(torch.randn(batch, count, channels), torch.rand(batch, count, 4), torch.zeros(batch, count))


def run(refiner, image_tokens):
    with torch.no_grad():
        return refiner(image_tokens, torch.zeros(2, 3, 8, 8), torch.ones(2, 8, 8, dtype=torch.bool))


def test_any_number_of_tokens_becomes_as_many_latents_whatever_their_order():
    resampler = MODELS.build(dict(type='PerceiverResampler', channels=16, num_latents=5, depth=2, num_heads=2,
                                  head_width=8))
    many = tokens(12)
    latents = run(resampler, many)
    assert latents.embeddings.shape == run(resampler, tokens(3)).embeddings.shape == (2, 5, 16)
    assert torch.equal(latents.boxes, torch.tensor([0.5, 0.5, 1, 1]).expand(2, 5, 4))
    shuffled = run(resampler, many.gather(torch.randperm(12).expand(2, -1)))
    assert torch.allclose(latents.embeddings, shuffled.embeddings, atol=1e-5)
    assert not torch.allclose(*latents.embeddings), 'other pictures, other latents'


def test_it_has_the_papers_shape_by_default():
    resampler = MODELS.build(dict(type='PerceiverResampler', channels=64)).resampler
    assert resampler.latents.shape == (64, 64) and len(resampler.blocks) == 6
    attention, feed_forward = resampler.blocks[0]
    assert attention.q_proj.weight.shape == (8 * 64, 64) and feed_forward.fc.weight.shape == (4 * 64, 64)
    assert attention.k_proj.bias is None and resampler.latents.std() > 0.8
