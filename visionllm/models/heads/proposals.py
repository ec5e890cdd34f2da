"""Class-agnostic proposals: boxes and polygons of the image tokenizer itself, without a language model."""

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from mmengine.structures import InstanceData

from visionllm.language import Instruction, OutputFormat
from visionllm.structures import ImageTokens, LossTerm, Target
from visionllm.structures.contours import points_to_boxes

from .postprocess import add_tuples_to_sample
from .proposal_points import proposal_points


@MODELS.register_module()
class ProposalHead(BaseModule):
    """Every image token is a detection, scored by its objectness.

    The tokenizer was guided by the instruction, so objectness can mean "is what the phrase refers to". All detections
    have the label of the first class. Has no parameters: the tokenizer is trained by its own loss.

    Args:
        token_channels, llm_width: As for other heads; unused.
    """

    def __init__(self, token_channels: int, llm_width: int):
        super().__init__()

    def supports(self, output_format: OutputFormat) -> bool:
        """Whether this head answers in a format: in boxes and polygons."""
        return output_format.is_box or output_format.is_polygon

    def loss(self, llm: None, instructions: list[Instruction], tokens: ImageTokens,
             targets: list[Target]) -> dict[str, LossTerm]:
        """No loss."""
        return {}

    def alignment_loss(self, llm: None, tokens: ImageTokens, targets: list[Target]) -> dict[str, LossTerm]:
        """No loss."""
        return {}

    def predict(self, llm: None, instructions: list[Instruction], tokens: ImageTokens) -> list[InstanceData]:
        """``points`` ``float[M, N, 2]`` in [0, 1], ``bboxes`` ``float[M, 4]`` (xyxy) around them, ``scores``,
        ``labels`` and ``tuples`` of each image's M tokens, best first."""
        results = []
        for b, instruction in enumerate(instructions):
            points = proposal_points(tokens[b:b + 1], instruction.output_format.num_points)[0].clamp(0, 1)
            scores, order = tokens.objectness[b].sigmoid().sort(descending=True)
            results.append(InstanceData(points=points[order], bboxes=points_to_boxes(points[order]), scores=scores,
                                        labels=torch.zeros_like(order), tuples=order))
        return results

    add_pred_to_sample = staticmethod(add_tuples_to_sample)
