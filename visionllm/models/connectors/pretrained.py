"""Initialize the image tokenizer from a trained Deformable DETR (as in the paper), or from a trained tokenizer."""

import re

import torch
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from visionllm.errors import CheckpointMismatchError

from ..checkpoint_loading import load_weights, read_state_dict
from .detr_state_dict import to_mmdet_names

# Parts of mmdet's DeformableDETR and where they live here.
RENAMED = (('backbone.', 'backbone.'), ('neck.', 'neck.'), ('bbox_head.reg_branches.', 'connector.reg_branches.'),
           ('bbox_head.cls_branches.', 'connector.objectness_branches.'),
           ('encoder.', 'connector.encoder.'), ('decoder.', 'connector.decoder.'),
           ('query_embedding.', 'connector.query_embedding.'), ('level_embed', 'connector.level_embed'),
           ('reference_points_fc.', 'connector.reference_points_fc.'))

QUERIES = 'connector.query_embedding.weight'
NECK_BIAS = re.compile(r'neck\..*\.conv\.bias$')
PARTS = ('backbone.', 'neck.', 'connector.')
NEW_HERE = ('connector.guidance.', 'connector.contour_branch.')  # no Deformable DETR has them


def rename_deformable_detr(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A Deformable DETR's tensors by our names; those that have no place in the tokenizer by their own.

    Raises:
        ConfigError: The detector is a two-stage one.
    """
    if any(name.startswith('connector.') for name in state):  # a tokenizer of ours
        return state
    return {next((new + name[len(old):] for old, new in RENAMED if name.startswith(old)), name): tensor
            for name, tensor in to_mmdet_names(state).items()}


@WEIGHT_INITIALIZERS.register_module()
class TokenizerPretrained:
    """``init_cfg`` of VisionLLM: backbone, neck and tokenizer from a checkpoint of a Deformable DETR (mmdet's, its
    authors' or Hugging Face's), or of a VisionLLM (``configs/guided_detr``).

    Of a detector with more queries than the tokenizer has (published ones have 300), the first are taken. mmdet's neck
    has no biases, the other two's have: a neck with them takes all three.

    Args:
        checkpoint: Path or URL that mmengine can load.
    """

    def __init__(self, checkpoint: str):
        self.checkpoint = checkpoint

    def __call__(self, model: nn.Module) -> None:
        """Load.

        Raises:
            CheckpointMismatchError: Tensors of the tokenizer are missing or of another shape, or the neck has no
                biases and the checkpoint's has.
            ConfigError: The detector is a two-stage one.
        """
        renamed = rename_deformable_detr(read_state_dict(self.checkpoint))
        if QUERIES in renamed:
            renamed[QUERIES] = renamed[QUERIES][:model.connector.query_embedding.num_embeddings]
        biases = {name: tensor for name, tensor in model.state_dict().items() if NECK_BIAS.match(name)}
        if any(NECK_BIAS.match(name) and name not in biases for name in renamed):
            raise CheckpointMismatchError(f'{self.checkpoint} has biases before the neck\'s group norms, which do not '
                                          'undo them, and this neck has none: set bias=True in its config.')
        renamed = {name: torch.zeros_like(bias) for name, bias in biases.items()} | renamed
        load_weights(model, renamed, self.checkpoint, [f'{part}*' for part in PARTS], NEW_HERE)
