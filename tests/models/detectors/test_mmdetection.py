"""Detectors of MMDetection: the adapter says what the detector predicts."""

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config

from visionllm.errors import CheckpointMismatchError, ConfigError
from visionllm.models import MMDetDetector

from ...conftest import ROOT
from .conftest import flatten

NAMES = ['cat', 'dog', 'bird']
BACKBONE = dict(type='ResNet', depth=18, base_channels=8, norm_eval=True,
                init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18'))
PREPROCESSOR = dict(type='DetDataPreprocessor', mean=[123.7, 116.3, 103.5], std=[58.4, 57.1, 57.4], bgr_to_rgb=True,
                    pad_size_divisor=32)
ATTENTION = dict(embed_dims=32, num_heads=4)
FFN = dict(embed_dims=32, feedforward_channels=32)
DETR = dict(
    type='DETR', num_queries=12, data_preprocessor=PREPROCESSOR, backbone=BACKBONE | dict(out_indices=(3, )),
    neck=dict(type='ChannelMapper', in_channels=[64], kernel_size=1, out_channels=32, num_outs=1),
    encoder=dict(num_layers=1, layer_cfg=dict(self_attn_cfg=ATTENTION, ffn_cfg=FFN)),
    decoder=dict(num_layers=2, return_intermediate=True,
                 layer_cfg=dict(self_attn_cfg=ATTENTION, cross_attn_cfg=ATTENTION, ffn_cfg=FFN)),
    positional_encoding=dict(num_feats=16, normalize=True),
    bbox_head=dict(type='DETRHead', num_classes=3, embed_dims=32,
                   loss_cls=dict(type='CrossEntropyLoss', bg_cls_weight=0.1, use_sigmoid=False, class_weight=1.0)),
    test_cfg=dict(max_per_img=12))
CENTERNET = dict(  # its peaks need no suppression, which mmcv has in compiled code alone
    type='CenterNet', data_preprocessor=PREPROCESSOR, backbone=BACKBONE,
    neck=dict(type='CTResNetNeck', in_channels=64, num_deconv_filters=(32, 16), num_deconv_kernels=(4, 4),
              use_dcn=False),
    bbox_head=dict(type='CenterNetHead', num_classes=3, in_channels=16, feat_channels=16),
    test_cfg=dict(topk=40, local_maximum_kernel=3, max_per_img=40))


def deformable_detr():
    model = Config.fromfile(ROOT / 'configs/_base_/models/deformable-detr_nano.py').model
    model.bbox_head.num_classes, model.test_cfg.max_per_img = 3, 30
    return model.to_dict()


def write_config(path, model):
    steps = [dict(type='LoadImageFromFile', to_float32=True), dict(type='Resize', scale=(128, 96), keep_ratio=True),
             dict(type='LoadAnnotations', with_bbox=True), dict(type='PackDetInputs')]
    if model is CENTERNET:  # as its published config pads images
        steps[3:] = [dict(type='RandomCenterCropPad', ratios=None, border=None, mean=[0, 0, 0], std=[1, 1, 1],
                          to_rgb=True, test_mode=True, test_pad_mode=['logical_or', 31], test_pad_add_pix=1),
                     dict(type='PackDetInputs', meta_keys=('img_path', 'ori_shape', 'img_shape', 'scale_factor',
                                                           'border'))]
    path.write_text(f'model = {model!r}\ntest_dataloader = dict(dataset=dict(pipeline={steps!r}))\n')
    return str(path)


def random_weights(detector):
    """As initialized, and random heads: no two scores are equal."""
    for parameter in detector.detector.bbox_head.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return detector.eval()


@pytest.mark.parametrize('model', [DETR, CENTERNET, deformable_detr], ids=['softmax', 'without queries', 'sigmoid'])
def test_the_tokens_are_the_detectors_own_predictions(tmp_path, model):
    model = model() if callable(model) else model
    adapter = random_weights(MMDetDetector(write_config(tmp_path / 'a.py', model), None, NAMES))
    images = [np.random.default_rng(0).integers(0, 255, size, dtype=np.uint8) for size in ((60, 100, 3), (90, 80, 3))]
    with torch.no_grad():
        together = adapter(images)
        for b, image in enumerate(images):
            packed = adapter.pipeline(dict(img=np.ascontiguousarray(image[..., ::-1]), img_id=0))
            assert isinstance(packed['data_samples'], DetDataSample)
            result = adapter.detector.test_step(dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']]))
            expected = result[0].pred_instances
            scores, labels, boxes = flatten(together.select(b), len(expected))
            size = torch.tensor([image.shape[1], image.shape[0]] * 2)
            assert len(expected) >= 12 and torch.allclose(scores, expected.scores, atol=1e-5)
            assert torch.equal(labels, expected.labels) and (scores[:-1] > scores[1:]).all()
            if adapter.has_queries:  # whose boxes MMDetection cuts off at the image
                boxes = boxes.clamp(0, 1)
            assert torch.allclose(boxes * size, expected.bboxes, atol=0.01)
    assert together.embeddings.shape[2] == adapter.embed_dims and together.class_logits.shape[2] == 3
    assert adapter.has_queries is (model['type'] != 'CenterNet')


def test_a_checkpoint_is_loaded_whole_or_not_at_all(tmp_path):
    source = write_config(tmp_path / 'a.py', CENTERNET)
    trained = random_weights(MMDetDetector(source, None, NAMES))
    torch.save(dict(state_dict=dict(trained.detector.named_parameters()) | dict(trained.detector.named_buffers())),
               tmp_path / 'a.pth')
    loaded = MMDetDetector(source, str(tmp_path / 'a.pth'), NAMES)
    assert loaded.compute_hash() == trained.compute_hash() != MMDetDetector(source, None, NAMES).compute_hash()
    torch.save(dict(state_dict={'backbone.conv1.weight': torch.zeros(1)}), tmp_path / 'b.pth')
    with pytest.raises(CheckpointMismatchError, match='b.pth holds weights of another model or size'):
        MMDetDetector(source, str(tmp_path / 'b.pth'), NAMES)


def test_only_what_decides_the_answers_is_in_the_hash(tmp_path):
    def identity(text=''):
        path = tmp_path / 'a.py'
        write_config(path, CENTERNET)
        path.write_text(path.read_text() + text)
        torch.manual_seed(0)
        return MMDetDetector(str(path), None, NAMES).compute_hash()
    assert identity() == identity('\nwork_dir = "elsewhere"')
    assert identity() != identity('\ntest_dataloader["dataset"]["pipeline"][1]["scale"] = (64, 48)')


def test_configs_with_a_mistake(tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(')
    with pytest.raises(ConfigError, match='broken.py is no valid config'):
        MMDetDetector(str(tmp_path / 'broken.py'), None)
    with pytest.raises(ConfigError, match='gone.py is no valid config'):
        MMDetDetector(str(tmp_path / 'gone.py'), None)
    (tmp_path / 'data.py').write_text('model = dict(type="CenterNet")')
    with pytest.raises(ConfigError, match='data.py has no model or no test_dataloader; expected the config of a'):
        MMDetDetector(str(tmp_path / 'data.py'), None)
    with pytest.raises(ConfigError, match='a.py has scores for 3 classes, and label_set names 80: 80 classes person'):
        MMDetDetector(write_config(tmp_path / 'a.py', DETR), None)
    detector = random_weights(MMDetDetector(write_config(tmp_path / 'a.py', CENTERNET), None, NAMES[:1]))
    with pytest.raises(ConfigError, match=r'a.py reports class \d, counted from 0, and label_set names 1'):
        detector([np.random.default_rng(0).integers(0, 255, (60, 100, 3), dtype=np.uint8)])
