"""Initialize some parts of a VisionLLM from another one."""

from collections.abc import Sequence

from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from .checkpoint_loading import load_weights, read_state_dict


@WEIGHT_INITIALIZERS.register_module()
class PartsPretrained:
    """``init_cfg`` of VisionLLM: parts that do not depend on the image tokenizer, such as the language model, from a
    checkpoint of a VisionLLM with any other.

    Args:
        checkpoint: Path or URL that mmengine can load.
        parts: Name patterns of the tensors, such as ``llm.*``.
    """

    def __init__(self, checkpoint: str, parts: Sequence[str]):
        self.checkpoint, self.parts = checkpoint, tuple(parts)

    def __call__(self, model: nn.Module) -> None:
        """Load.

        Raises:
            CheckpointMismatchError: Tensors of these parts are missing or of another shape.
        """
        load_weights(model, read_state_dict(self.checkpoint), self.checkpoint, self.parts)
