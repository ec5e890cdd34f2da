"""Initialization of a backbone with pre-trained weights."""

from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from ..checkpoint_loading import load_weights, read_state_dict


@WEIGHT_INITIALIZERS.register_module()
class BackbonePretrained:
    """``init_cfg`` of a backbone: pre-trained weights of the backbone alone, of a classifier or of a detector.

    Unlike mmengine's ``Pretrained`` it raises an error if weights are missing.

    Args:
        checkpoint: Path or URL that mmengine can load.
    """

    def __init__(self, checkpoint: str):
        self.checkpoint = checkpoint

    def __call__(self, backbone: nn.Module) -> None:
        """Load the weights into a backbone, in place.

        Raises:
            RuntimeError: Tensors are missing or of another shape.
        """
        state = read_state_dict(self.checkpoint)
        backbone_state = {name.removeprefix('backbone.'): tensor for name, tensor in state.items()
                          if name.startswith('backbone.')}
        load_weights(backbone, backbone_state or state, self.checkpoint)
