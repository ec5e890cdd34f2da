"""Folders of tiny detectors of transformers, without weights, and tiny ONNX files, without the onnx package."""

import json
from pathlib import Path

from transformers import HGNetV2Config, LwDetrViTConfig, ResNetConfig, RTDetrResNetConfig

LABELS = ('N/A', 'cat', 'N/A', 'dog', 'bird')
NAMES = ('cat', 'dog', 'bird')
QUERIES, WIDTH = 12, 32
STAGES = dict(depths=[1] * 4, embedding_size=8, hidden_sizes=[8, 16, 16, 16], layer_type='basic')
THREE_MAPS = dict(out_features=['stage2', 'stage3', 'stage4'])
COMMON = dict(d_model=WIDTH, num_queries=QUERIES, decoder_layers=2, decoder_ffn_dim=32)
HEADS = dict(encoder_layers=1, encoder_ffn_dim=32, encoder_attention_heads=4, decoder_attention_heads=4)
DETR = COMMON | HEADS | dict(backbone_config=ResNetConfig(**STAGES, out_features=['stage4']).to_dict())
RT_DETR = COMMON | HEADS | dict(
    backbone_config=RTDetrResNetConfig(**STAGES, **THREE_MAPS).to_dict(), encoder_hidden_dim=16,
    encoder_in_channels=[16] * 3, decoder_in_channels=[16] * 3, hidden_expansion=0.5)
HGNET = HGNetV2Config().to_dict() | THREE_MAPS | dict(
    out_indices=[2, 3, 4], stem_channels=[3, 8, 8], stage_in_channels=[8, 16, 16, 16], stage_mid_channels=[8] * 4,
    stage_out_channels=[16] * 4, stage_num_blocks=[1] * 4, stage_numb_of_layers=[1] * 4, embedding_size=8,
    hidden_sizes=[16] * 4, depths=[1] * 4)
D_FINE = RT_DETR | dict(backbone_config=HGNET, encoder_hidden_dim=WIDTH, decoder_in_channels=[WIDTH] * 3)
VIT = dict(image_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, window_block_indices=[0],
           patch_size=16)
WITHOUT_ENCODER = COMMON | dict(decoder_self_attention_heads=4, decoder_cross_attention_heads=4, group_detr=2)
FAMILIES = {
    'detr': DETR,  # softmax with "no object"
    'conditional_detr': DETR,
    'dab-detr': DETR | dict(hidden_size=WIDTH),
    'deformable_detr': DETR | dict(backbone_config=ResNetConfig(**STAGES, **THREE_MAPS).to_dict()),
    'rt_detr': RT_DETR,
    'rt_detr_v2': RT_DETR,
    'd_fine': D_FINE,
    'deimv2': D_FINE,
    'lw_detr': WITHOUT_ENCODER | dict(projector_scale_factors=[1.0], backbone_config=LwDetrViTConfig(
        **VIT, out_features=['stage1', 'stage2']).to_dict()),
    'rf_detr': WITHOUT_ENCODER | dict(
        backbone_config=dict(model_type='rf_detr_dinov2', out_indices=[1, 2], **VIT)),
}
PADDED = ('detr', 'conditional_detr', 'dab-detr', 'deformable_detr')


def write_detr(folder: Path, family: str, labels=LABELS) -> str:
    """Write the config of a detector and of its image processor; random_config={} makes the weights."""
    names = dict(id2label=dict(enumerate(labels)), label2id={name: k for k, name in enumerate(labels)})
    size = dict(shortest_edge=64, longest_edge=96) if family in PADDED else dict(height=64, width=64)
    processor = dict(image_processor_type='DetrImageProcessor' if family in PADDED else 'RTDetrImageProcessor',
                     size=size, do_pad=family in PADDED)
    folder.mkdir(exist_ok=True)
    (folder / 'config.json').write_text(json.dumps(FAMILIES[family] | names | dict(model_type=family)))
    (folder / 'preprocessor_config.json').write_text(json.dumps(processor))
    return str(folder)


def message(**fields) -> bytes:
    """A protobuf message of fields f1, f2, ...: ints, strings, messages, or lists of them."""
    out = b''
    for name, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            number = int(name[1:]) << 3
            if isinstance(value, int):
                out += varint(number) + varint(value)
            else:
                value = value.encode() if isinstance(value, str) else value
                out += varint(number | 2) + varint(len(value)) + value
    return out


def varint(value: int) -> bytes:
    low, high = value & 0x7f, value >> 7
    return bytes([low | 0x80]) + varint(high) if high else bytes([low])


def value_info(name: str, shape) -> bytes:
    dims = [message(f1=size) if isinstance(size, int) else message(f2=size) for size in shape]
    return message(f1=name, f2=message(f1=message(f1=1, f2=message(f1=dims))))


def write_onnx(path: Path, outputs=('logits', 'pred_boxes'), shape=(1, 3, 6, 4)) -> str:
    """A file whose outputs are each the mean of the image's channels, ``float[1, H, W]``."""
    axes = message(f1='axes', f20=7, f8=[1])
    keep = message(f1='keepdims', f20=2, f3=0)
    nodes = [message(f1='images', f2=name, f4='ReduceMean', f5=[axes, keep]) for name in outputs]
    graph = message(f1=nodes, f2='tiny', f11=value_info('images', shape),
                    f12=[value_info(name, (1, *shape[2:])) for name in outputs])
    path.write_bytes(message(f1=7, f7=graph, f8=message(f2=11)))
    return str(path)
