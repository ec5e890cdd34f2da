"""State dicts of Deformable DETR, converted to MMDetection's names.

The authors' code, transformers and MMDetection compute the same from the same tensors under different names. Three
differences go beyond names: the authors' ``norm1`` of a decoder layer follows cross-attention and ``norm2``
self-attention; transformers has separate query, key and value projections; and both have a class for each of COCO's 91
category ids, 11 of which are unused.

Dimensions: K classes, C channels.
"""

import re

import torch
from torch import Tensor

from visionllm.errors import ConfigError

# (regular expression of the authors' or transformers' name, MMDetection's name), applied in this order
NAMES = tuple((re.compile(theirs), ours) for theirs, ours in (
    (r'^(?:backbone\.0\.body|model\.backbone(?:\.conv_encoder)?\.model)\.', 'backbone.'),
    (r'^(?:transformer|model)\.', ''),
    (r'^input_proj\.([0-2])\.0\.', r'neck.convs.\1.conv.'),
    (r'^input_proj\.([0-2])\.1\.', r'neck.convs.\1.gn.'),
    (r'^input_proj\.3\.0\.', 'neck.extra_convs.0.conv.'),
    (r'^input_proj\.3\.1\.', 'neck.extra_convs.0.gn.'),
    (r'^(?:query_embed|query_position_embeddings)\.', 'query_embedding.'),
    (r'^reference_points\.', 'reference_points_fc.'),
    (r'^class_embed\.', 'bbox_head.cls_branches.'),
    (r'^(?:decoder\.)?bbox_embed\.(\d+)\.layers\.0\.', r'bbox_head.reg_branches.\1.0.'),
    (r'^(?:decoder\.)?bbox_embed\.(\d+)\.layers\.1\.', r'bbox_head.reg_branches.\1.2.'),
    (r'^(?:decoder\.)?bbox_embed\.(\d+)\.layers\.2\.', r'bbox_head.reg_branches.\1.4.'),
    (r'^(encoder\.layers\.\d+)\.(?:norm1|self_attn_layer_norm)\.', r'\1.norms.0.'),
    (r'^(encoder\.layers\.\d+)\.(?:norm2|final_layer_norm)\.', r'\1.norms.1.'),
    (r'^(decoder\.layers\.\d+)\.(?:norm2|self_attn_layer_norm)\.', r'\1.norms.0.'),
    (r'^(decoder\.layers\.\d+)\.(?:norm1|encoder_attn_layer_norm)\.', r'\1.norms.1.'),
    (r'^(decoder\.layers\.\d+)\.(?:norm3|final_layer_norm)\.', r'\1.norms.2.'),
    (r'^(decoder\.layers\.\d+)\.encoder_attn\.', r'\1.cross_attn.'),
    (r'^(decoder\.layers\.\d+\.self_attn)\.(in_proj_|[qkv]_proj\.)', r'\1.attn.\2'),
    (r'^(decoder\.layers\.\d+\.self_attn)\.(?:o_proj|out_proj)\.', r'\1.attn.out_proj.'),
    (r'^((?:en|de)coder\.layers\.\d+)\.(?:linear1|(?:mlp\.)?fc1)\.', r'\1.ffn.layers.0.0.'),
    (r'^((?:en|de)coder\.layers\.\d+)\.(?:linear2|(?:mlp\.)?fc2)\.', r'\1.ffn.layers.1.'),
))
COCO_IDS = 91
UNUSED_IDS = {0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


def to_mmdet_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert a state dict of the authors', of transformers or of MMDetection to the names of the latter.

    Raises:
        ConfigError: The detector is a two-stage one, which has no learned queries.
    """
    named = {to_mmdet_name(name): tensor for name, tensor in state.items()}
    if any(name.startswith('pos_trans') for name in named):
        raise ConfigError('This Deformable DETR is a two-stage one: it makes its queries from the image, and the '
                          'tokenizer needs learned ones. Take another variant, with box refinement or without.')
    return _drop_unused_classes(_copy_shared_branches(_join_projections(named)))


def to_mmdet_name(name: str) -> str:
    """Convert one name; MMDetection's own and unknown names are not changed."""
    for theirs, ours in NAMES:
        name = theirs.sub(ours, name)
    return name


def _join_projections(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Concatenate query, key and value projections, in that order."""
    joined = {}
    for name, tensor in state.items():
        if '.attn.q_proj.' in name:
            parts = [state[name.replace('.q_proj.', f'.{part}_proj.')] for part in 'qkv']
            joined[name.replace('.q_proj.', '.in_proj_')] = torch.cat(parts)
        elif '.attn.k_proj.' not in name and '.attn.v_proj.' not in name:
            joined[name] = tensor
    return joined


def _copy_shared_branches(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy the first layer's branches to layers without: without box refinement all layers share one, which safetensors
    stores once."""
    layers = {match[1] for match in (re.match(r'decoder\.layers\.(\d+)\.', name) for name in state) if match}
    shared = {re.sub(r'(?<=_branches\.)0\.', f'{layer}.', name): tensor for layer in layers
              for name, tensor in state.items() if '_branches.0.' in name}
    return shared | state


def _drop_unused_classes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Class branches without the rows of COCO's category ids that no category has."""
    kept = [i for i in range(COCO_IDS) if i not in UNUSED_IDS]
    return {name: tensor[kept] if '.cls_branches.' in name and len(tensor) == COCO_IDS else tensor
            for name, tensor in state.items()}
