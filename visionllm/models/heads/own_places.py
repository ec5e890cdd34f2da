"""Boxes and outlines as the image tokenizer has them, no language model asked: what looking alone is worth."""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from mmengine.structures import InstanceData

from visionllm.language import Instruction, OutputFormat
from visionllm.structures import ImageTokens, Mean, Target
from visionllm.structures.rings import extent

from .token_features import own_points
from .tuples import put_tuples


@MODELS.register_module()
class OwnPlacesHead(BaseModule):
    """Every image token is an answer; how sure it is that something is there is its score.

    The tokenizer was guided by the instruction, so it can know which object a phrase means; it knows no class, and all
    answers carry the first one's label. Learns nothing: the tokenizer's own loss is all there is.

    Args:
        token_channels: As for other heads.
        llm_width: As for other heads; there is no language model.
    """

    def __init__(self, token_channels: int, llm_width: int):
        super().__init__()

    def reads(self, output_format: OutputFormat) -> bool:
        """Whether this head answers in a format: in boxes and outlines."""
        return output_format.is_box or output_format.is_outline

    def loss(self, llm: None, instructions: list[Instruction], tokens: ImageTokens,
             targets: list[Target]) -> dict[str, Mean]:
        """Nothing."""
        return {}

    def word_loss(self, llm: None, tokens: ImageTokens, targets: list[Target]) -> dict[str, Mean]:
        """Nothing."""
        return {}

    def predict(self, llm: None, instructions: list[Instruction], tokens: ImageTokens) -> list[InstanceData]:
        """``points`` in [0, 1], ``bboxes`` (xyxy) around them, ``scores``, ``labels``, ``tuples`` of each picture, best
        first."""
        results = []
        for b, instruction in enumerate(instructions):
            points = own_points(tokens[b:b + 1], instruction.output_format.num_points)[0].clamp(0, 1)
            scores, order = tokens.objectness[b].sigmoid().sort(descending=True)
            results.append(InstanceData(points=points[order], bboxes=extent(points[order]), scores=scores,
                                        labels=torch.zeros_like(order), tuples=order))
        return results

    deliver = staticmethod(put_tuples)
