"""Initialize the language model from that of another VisionLLM."""

from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from ..checkpoint_loading import load_weights, read_state_dict

PMI = 'heads.tuples.class_reader.pmi.'


@WEIGHT_INITIALIZERS.register_module()
class LanguageModelPretrained:
    """``init_cfg`` of VisionLLM: LoRA, the embeddings of the added tokens and ``NamePMI``, where it has one, from a
    checkpoint of a VisionLLM, whatever its image tokenizer.

    Args:
        checkpoint: Path or URL that mmengine can load.
    """

    def __init__(self, checkpoint: str):
        self.checkpoint = checkpoint

    def __call__(self, model: nn.Module) -> None:
        """Load.

        Raises:
            CheckpointMismatchError: Tensors of the language model are missing or of another shape.
        """
        load_weights(model, read_state_dict(self.checkpoint), self.checkpoint, ('llm.', PMI), new=(PMI, ))
