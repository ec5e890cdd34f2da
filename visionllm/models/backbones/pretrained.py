"""Start a backbone from published weights."""

from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from ..published import load_published, read_published


@WEIGHT_INITIALIZERS.register_module()
class BackbonePretrained:
    """``init_cfg`` of a backbone: published weights of it, alone or within a classifier or a detector.

    mmengine's own ``Pretrained`` takes what fits and goes on if nothing does.

    Args:
        checkpoint: Path or URL that mmengine can load.
    """

    def __init__(self, checkpoint: str):
        self.checkpoint = checkpoint

    def __call__(self, backbone: nn.Module) -> None:
        """Load.

        Raises:
            RuntimeError: Tensors are missing or of another shape.
        """
        state = read_published(self.checkpoint)
        within = {name.removeprefix('backbone.'): tensor for name, tensor in state.items()
                  if name.startswith('backbone.')}
        load_published(backbone, within or state, self.checkpoint)
