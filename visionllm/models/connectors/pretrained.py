"""Start the image tokenizer from a trained Deformable DETR, as the paper does, or from a tokenizer trained alone."""

from pathlib import Path

from mmengine.logging import print_log
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

# Parts of mmdet's DeformableDETR and where they live here.
RENAMED = (('backbone.', 'backbone.'), ('neck.', 'neck.'), ('bbox_head.reg_branches.', 'connector.reg_branches.'),
           ('bbox_head.cls_branches.', 'connector.objectness_branches.'),
           ('encoder.', 'connector.encoder.'), ('decoder.', 'connector.decoder.'),
           ('query_embedding.', 'connector.query_embedding.'), ('level_embed', 'connector.level_embed'),
           ('reference_points_fc.', 'connector.reference_points_fc.'))

PARTS = ('backbone.', 'neck.', 'connector.')
NEW_HERE = ('connector.guidance.', 'connector.ring_branch.')  # no Deformable DETR has them


def rename_deformable_detr(state: dict) -> tuple[dict, list[str]]:
    """Names of a Deformable DETR state dict as ours, and the names that have no place in the tokenizer."""
    if any(name.startswith('connector.') for name in state):  # a tokenizer of ours
        renamed = {name: tensor for name, tensor in state.items() if name.startswith(PARTS)}
        return renamed, [name for name in state if name not in renamed]
    renamed, left = {}, []
    for name, tensor in state.items():
        target = next((new + name[len(old):] for old, new in RENAMED if name.startswith(old)), None)
        if target is None:
            left.append(name)
        else:
            renamed[target] = tensor
    return renamed, left


@WEIGHT_INITIALIZERS.register_module()
class TokenizerPretrained:
    """``init_cfg`` of VisionLLM: backbone, neck and tokenizer from a checkpoint of mmdet's Deformable DETR, or of a
    VisionLLM (``configs/guided_detr``).

    Args:
        checkpoint: Path or URL that mmengine can load.
    """

    def __init__(self, checkpoint: str):
        self.checkpoint = checkpoint

    def __call__(self, model: nn.Module) -> None:
        """Load.

        Raises:
            RuntimeError: If a tensor has another shape or the tokenizer would be left without weights.
            FileNotFoundError: Names the command that makes the file, where it is one of our own configs' work.
        """
        try:
            content = CheckpointLoader.load_checkpoint(self.checkpoint, map_location='cpu')
        except FileNotFoundError as error:
            configs = Path('configs').glob(f'*/{Path(self.checkpoint).parent.name}.py')
            how = ''.join(f' `python tools/train.py {config}` makes it.' for config in configs)
            raise FileNotFoundError(f'{error}{how}') from None
        renamed, left = rename_deformable_detr(content.get('state_dict', content))
        own = model.state_dict()
        wrong = [f'{name} {tuple(t.shape)}, expected {tuple(own[name].shape)}' for name, t in renamed.items()
                 if name in own and own[name].shape != t.shape]
        missing = [name for name in own if name.startswith(PARTS) and not name.startswith(NEW_HERE)
                   and name not in renamed]
        if wrong or missing:
            raise RuntimeError(f'{self.checkpoint} is not a tokenizer of this config\'s size: '
                               f'{len(wrong)} tensors of another shape, {len(missing)} missing, such as '
                               f'{"; ".join((wrong + missing)[:3])}.')
        model.load_state_dict(renamed, strict=False)
        anew = sorted({name.split('.')[1] for name in own if name.startswith(NEW_HERE) and name not in renamed})
        print_log(f'Tokenizer from {self.checkpoint}: {len(renamed)} tensors loaded; {len(left)} left out, such as '
                  f'{", ".join(left[:3]) or "none"}. It starts anew: {", ".join(anew) or "nothing"}.', 'current')
