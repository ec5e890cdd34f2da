"""Picture encoders that give grids of features, and the image tokens out of them."""

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.registry import init_default_scope
from torch import nn
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

from visionllm.language import parse_instruction
from visionllm.models.encoders import HuggingFaceVisionEncoder
from visionllm.models.huggingface import PretrainedError

from ..conftest import load_config, sample_batch
from .test_visionllm import losses_of

CAPTION = parse_instruction('Describe the picture as (text). <image>')
SIZES = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2, image_size=28,
             patch_size=7, projection_dim=16)


@MODELS.register_module()
class MeanColours(nn.Module):
    """An encoder whose map is the picture itself."""

    map_channels, image_size = (3, ), (8, 8)

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, images):
        self.calls = getattr(self, 'calls', 0) + 1
        return (images, )


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    """Folder of a tiny random CLIP encoder with its preprocessor."""
    folder = tmp_path_factory.mktemp('clip')
    torch.manual_seed(0)
    CLIPVisionModel(CLIPVisionConfig(**SIZES)).save_pretrained(folder)
    size = dict(height=28, width=28)
    CLIPImageProcessor(size=dict(shortest_edge=28), crop_size=size).save_pretrained(folder)
    return folder


def grid_tokens(images, size=None, **settings):
    """Tokens of images ``float[B, 3, H, W]``; all pixels are real unless ``size`` says how many."""
    tokenizer = MODELS.build(dict(type='GridTokenizer', **{'encoder': dict(type='MeanColours'), **settings}))
    mask = torch.zeros(len(images), *images.shape[-2:], dtype=torch.bool)
    height, width = size or images.shape[-2:]
    mask[:, :height, :width] = True
    return tokenizer, tokenizer((images, ), mask, None)[-1]


def test_clips_patches_are_those_of_its_layer_without_the_class_token(clip):
    encoder = HuggingFaceVisionEncoder(str(clip), dtype='float32')
    pictures = torch.rand(2, 3, 28, 28)
    processor = CLIPImageProcessor.from_pretrained(clip)
    mean, std = (torch.tensor(each)[:, None, None] for each in (processor.image_mean, processor.image_std))
    model = CLIPVisionModel.from_pretrained(clip)
    expected = model(pixel_values=(pictures - mean) / std, output_hidden_states=True).hidden_states[-2][:, 1:]
    found, = encoder(pictures)
    assert found.shape == (2, 32, 4, 4) and encoder.map_channels == (32, ) and encoder.image_size == (28, 28)
    torch.testing.assert_close(found.flatten(2).transpose(1, 2), expected)
    assert not any(p.requires_grad for p in encoder.parameters()) and not encoder.state_dict()


def test_a_source_without_preprocessor_is_one_sentence(clip, tmp_path):
    CLIPVisionModel.from_pretrained(clip).save_pretrained(tmp_path)
    with pytest.raises(PretrainedError, match='preprocessor_config.json'):
        HuggingFaceVisionEncoder(str(tmp_path))


def test_cells_are_where_their_pixels_are():
    picture = torch.zeros(1, 3, 40, 24)
    picture[:, 0, :20] = 1  # red in the upper half, green at the right
    picture[:, 1, :, 12:] = 1
    _, tokens = grid_tokens(picture, grid_size=2)
    assert tokens.embeddings.shape == (1, 4, 3)
    for colours, (x, y, width, height) in zip(tokens.embeddings[0], tokens.boxes[0]):
        assert (round(float(colours[0])), round(float(colours[1]))) == (y < 0.5, x > 0.5)
        assert (width, height) == (0.5, 0.5)


def test_padding_to_a_square_keeps_the_cells_on_the_picture():
    picture = torch.zeros(1, 3, 20, 40)
    picture[:, 2, :, :20] = 1  # blue at the left
    _, tokens = grid_tokens(picture, grid_size=4, pad=True)
    boxes = tokens.boxes[0].unflatten(0, (4, 4))
    assert boxes[0, :, 3].eq(0).all() and boxes[3, :, 3].eq(0).all()  # above and below
    assert torch.allclose(boxes[1, 0], torch.tensor([0.125, 0.25, 0.25, 0.5]))
    colours = tokens.embeddings[0].unflatten(0, (4, 4))
    assert colours[1, 0, 2] > 0.9 and colours[1, 3, 2] < 0.1 and (colours[0] - 0.5).abs().max() < 0.1


def test_the_padding_of_a_batch_is_not_seen_and_images_are_encoded_once():
    picture = torch.rand(1, 3, 16, 16)
    padded = torch.nn.functional.pad(picture, (0, 8, 0, 4))
    tokenizer, alone = grid_tokens(picture)
    batched = tokenizer((padded, ), torch.nn.functional.pad(torch.ones(1, 16, 16), (0, 8, 0, 4)).bool(), None)[-1]
    assert torch.equal(alone.embeddings, batched.embeddings) and tokenizer.encoder.calls == 1


def test_several_maps_of_an_encoder_are_one_token_per_cell():
    tokenizer = MODELS.build(dict(type='GridTokenizer', encoder=dict(type='EfficientNetLite'), num_maps=2,
                                  image_size=64))
    grid, = tokenizer.encode([np.full((50, 70, 3), 90, np.uint8)])
    assert grid.shape == (432, 2, 2) == (tokenizer.embed_dims, 2, 2)


@pytest.fixture(scope='module')
def tiny_llava():
    """The tiny LLaVA. Do not train it."""
    init_default_scope('mmdet')
    torch.manual_seed(0)
    return MODELS.build(load_config('configs/llava/llava_tiny_scenes.py').model).eval()


def test_the_tiny_config_trains_and_answers(tiny_llava):
    losses = losses_of(tiny_llava, sample_batch(CAPTION.text))
    assert set(losses) == {'loss_text', 'acc_text'} and losses['loss_text'].isfinite()
    assert isinstance(tiny_llava.test_step(sample_batch(CAPTION.text, 1))[0].pred_text, str)


@pytest.mark.parametrize('projector, layers', [('linear', 1), ('mlp', 2), ('normalized_mlp', 2)])
def test_projectors(projector, layers):
    prompt = MODELS.build(dict(type='ProjectedPrompt', token_channels=8, llm_width=16, projector=projector,
                               with_boxes=False))
    assert sum(isinstance(module, nn.Linear) for module in prompt.modules()) == layers
