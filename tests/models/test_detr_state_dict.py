"""Published Deformable DETRs give the same places here as where they are from: transformers' model is the reference."""

import re
from argparse import Namespace

import pytest
import torch
from mmdet.registry import MODELS
from torch import nn
from transformers import DeformableDetrConfig, DeformableDetrForObjectDetection, ResNetConfig

from visionllm.apis.conversion import convert_detr
from visionllm.models import BackbonePretrained, TokenizerPretrained, TransformersDetector
from visionllm.structures import TextFeatures

from ..conftest import load_config

COCO_IDS = [i for i in range(1, 91) if i not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)]
QUERIES = 20


class Eyes(nn.Module):
    """The part of a VisionLLM that a detector fills."""

    def __init__(self, with_box_refine: bool, biased: bool = True):
        super().__init__()
        cfg = load_config('configs/visionllm/visionllm_tiny_scenes.py').model
        self.backbone = MODELS.build(cfg.backbone)
        self.neck = MODELS.build({**cfg.neck, 'bias': biased})
        self.connector = MODELS.build({**cfg.connector, 'text_width': 8, 'num_prototypes': 80, 'num_queries': QUERIES,
                                       'with_box_refine': with_box_refine})
        self.eval()

    def forward(self, pictures, real):
        nothing = TextFeatures(torch.zeros(len(pictures), 0, 8), torch.zeros(len(pictures), 0, dtype=torch.bool))
        return self.connector(self.neck(self.backbone(pictures)), real, nothing)


def detector(with_box_refine: bool) -> DeformableDetrForObjectDetection:
    """transformers' detector of the tiny size, every tensor random, its ResNet by the names of timm and torchvision."""
    torch.manual_seed(0)
    model = DeformableDetrForObjectDetection(DeformableDetrConfig(
        backbone_config=ResNetConfig(depths=[1] * 4, hidden_sizes=[32, 64, 128, 256], layer_type='basic',
                                     out_features=['stage2', 'stage3', 'stage4']),
        d_model=128, num_queries=QUERIES + 5, num_labels=91, with_box_refine=with_box_refine, encoder_layers=1,
        decoder_layers=3, encoder_ffn_dim=512, decoder_ffn_dim=512, encoder_attention_heads=4,
        decoder_attention_heads=4))
    model.model.backbone.model = Eyes(with_box_refine).backbone
    if with_box_refine:
        model.class_embed = nn.ModuleList(nn.Linear(128, 91) for _ in range(3))
        model.bbox_embed = model.model.decoder.bbox_embed
    for parameter in model.parameters():
        parameter.data += 0.15 * torch.randn_like(parameter)
    return model.eval()


def drop_spare_queries(model):
    """Those that the tokenizer does not take."""
    queries = model.model.query_position_embeddings
    queries.weight = nn.Parameter(queries.weight[:QUERIES])


def as_transformers_saves(model, path):
    model.save_pretrained(path.parent)
    (path.parent / 'model.safetensors').rename(path)


def as_transformers_holds(model, path):
    torch.save(model.state_dict(), path)


def as_the_authors_save(model, path):
    """What transformers' own conversion of the authors' file reads, read backwards."""
    held, state = model.state_dict(), {}
    for name, tensor in held.items():
        if '.q_proj.' in name:
            tensor = torch.cat([held[name.replace('q_proj', f'{part}_proj')] for part in 'qkv'])
        for ours, theirs in (
            (r'^model\.backbone\.model', 'backbone.0.body'),
            (r'^model\.(encoder|decoder|level_embed|reference_points)', r'transformer.\1'),
            (r'^model\.', ''),
            ('query_position_embeddings', 'query_embed'),
            (r'mlp\.fc(\d)', r'linear\1'),
            (r'(encoder\.l.*)self_attn_layer_norm', r'\1norm1'),
            (r'(encoder\.l.*)final_layer_norm', r'\1norm2'),
            ('encoder_attn_layer_norm', 'norm1'),
            ('self_attn_layer_norm', 'norm2'),
            ('final_layer_norm', 'norm3'),
            ('encoder_attn', 'cross_attn'),
            ('o_proj', 'out_proj'),
            (r'q_proj\.', 'in_proj_'),
        ):
            name = re.sub(ours, theirs, name)
        if not re.search(r'\.[kv]_proj|num_batches', name):
            state[name] = tensor
    torch.save(dict(model=state, args=Namespace(lr=2e-4), epoch=49), path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize('with_box_refine', [False, True])
@pytest.mark.parametrize('save, file', [(as_transformers_saves, 'hf.safetensors'), (as_transformers_holds, 'hf.bin'),
                                        (as_the_authors_save, 'r50.pth')])
def test_a_published_detector_gives_the_same_places(tmp_path, with_box_refine, save, file):
    reference, ours = detector(with_box_refine), Eyes(with_box_refine)
    save(reference, tmp_path / file)
    TokenizerPretrained(str(tmp_path / file))(ours)
    pictures, real = torch.randn(2, 3, 96, 128), torch.ones(2, 96, 128, dtype=torch.bool)
    real[1, 64:], real[1, :, 80:] = False, False
    with torch.no_grad():
        drop_spare_queries(reference)
        theirs = reference(pictures, pixel_mask=real.long())
        layers = ours(pictures, real)
    assert len(layers) == 3
    for layer, tokens in enumerate(layers):
        assert torch.allclose(tokens.embeddings, theirs.intermediate_hidden_states[:, layer], atol=1e-4)
    known = 4 if with_box_refine else 2  # a place is a center where boxes are not refined
    assert torch.allclose(layers[-1].boxes[..., :known], theirs.pred_boxes[..., :known], atol=1e-4)
    assert torch.allclose(layers[-1].objectness, theirs.logits[..., COCO_IDS].logsumexp(-1), atol=1e-4)
    assert layers[-1].boxes.std() > 0.1  # the reference says something


def test_the_adapter_and_the_tokenizer_give_the_same_boxes(tmp_path):
    """Of one image, a published detector as it is, and its weights in the paper's tokenizer."""
    reference, ours = detector(True), Eyes(True)
    as_the_authors_save(reference, tmp_path / 'r50.pth')
    TokenizerPretrained(str(tmp_path / 'r50.pth'))(ours)
    reference.config.save_pretrained(tmp_path / 'detr')
    (tmp_path / 'detr/preprocessor_config.json').write_text(
        '{"image_processor_type": "DetrImageProcessor", "size": {"shortest_edge": 96, "longest_edge": 128}}')
    adapter = TransformersDetector(str(tmp_path / 'detr'), random_config={})
    adapter.detector = reference
    drop_spare_queries(reference)
    images = [torch.randint(255, size, dtype=torch.uint8).numpy() for size in ((60, 80, 3), (90, 70, 3))]
    prepared = adapter.processor(images=images, return_tensors='pt')
    with torch.no_grad():
        found = adapter(images)
        tokens = ours(prepared['pixel_values'], prepared['pixel_mask'].bool())[-1]
    assert not prepared['pixel_mask'].all()  # one of them is padded
    for theirs, same in ((found.boxes, tokens.boxes), (found.embeddings, tokens.embeddings),
                         (found.class_logits[..., COCO_IDS].logsumexp(-1), tokens.objectness)):
        assert torch.allclose(theirs, same, atol=1e-4)


def test_the_converter_says_what_became_of_each_tensor(tmp_path):
    as_the_authors_save(detector(False), tmp_path / 'r50.pth')
    report = convert_detr(str(tmp_path / 'r50.pth'), str(tmp_path / 'ours.safetensors'))
    for line in (r'226 tensors, as 226 in', r'backbone: 100 \(its batch norms are frozen', r'neck: 16 \(.* bias=True',
                 r'query_embedding: 1 \(25 queries', 'objectness_branches: 6 .* of 80 classes, of 91 ids without',
                 r'reg_branches: 18 \(one for all layers: for with_box_refine=False', 'Unused: none'):
        assert re.search(line, report), (line, report)
    direct, converted = Eyes(False), Eyes(False)
    TokenizerPretrained(str(tmp_path / 'r50.pth'))(direct)
    TokenizerPretrained(str(tmp_path / 'ours.safetensors'))(converted)
    same = converted.state_dict()
    assert all(torch.equal(tensor, same[name]) for name, tensor in direct.state_dict().items()
               if not name.startswith(('connector.guidance.', 'connector.contour_branch.')))


def test_what_cannot_be_taken_is_explained(tmp_path):
    torch.save(detector(False).state_dict(), tmp_path / 'hf.bin')
    with pytest.raises(RuntimeError, match='hf.bin has biases before .*this neck has none: set bias=True in its'):
        TokenizerPretrained(str(tmp_path / 'hf.bin'))(Eyes(False, biased=False))
    with pytest.raises(ValueError, match='ours.pth should end in .safetensors'):
        convert_detr(str(tmp_path / 'hf.bin'), 'ours.pth')
    torch.save({'transformer.pos_trans.weight': torch.zeros(1)}, tmp_path / 'two.pth')
    with pytest.raises(ValueError, match='two-stage one.* Take another variant'):
        TokenizerPretrained(str(tmp_path / 'two.pth'))(Eyes(True))
    torch.save({'fc.weight': torch.zeros(1)}, tmp_path / 'resnet.pth')
    with pytest.raises(ValueError, match='resnet.pth holds no Deformable DETR: of its 1 tensors, the first being fc'):
        convert_detr(str(tmp_path / 'resnet.pth'), str(tmp_path / 'ours.safetensors'))


def test_torchvisions_resnet_starts_a_backbone(tmp_path):
    trained, backbone = Eyes(False).backbone, Eyes(False).backbone
    state = {name: torch.randn_like(tensor) for name, tensor in trained.state_dict().items() if 'batches' not in name}
    torch.save(state | {'fc.weight': torch.zeros(1000, 256), 'fc.bias': torch.zeros(1000)}, tmp_path / 'resnet.pth')
    BackbonePretrained(str(tmp_path / 'resnet.pth'))(backbone)
    assert all(torch.equal(tensor, backbone.state_dict()[name]) for name, tensor in state.items())
