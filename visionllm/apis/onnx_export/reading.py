"""A model as a module of tensors alone: an image, or what a detector has found in it, and a vocabulary in; boxes out.

Dimensions: M detections, K classes of the detector, C channels, V words, N named classes, n answers.
"""

import torch
from torch import Tensor, nn

from visionllm.language.output_format import OutputFormat
from visionllm.language.quantizer import bins_to_offsets, expected_bin
from visionllm.models import FormatQueryHead
from visionllm.models.heads.same_names import keep_better_names
from visionllm.structures import Detections, ImageTokens
from visionllm.structures.contours import points_to_boxes

BOX = OutputFormat(2)


class DetectionReader(nn.Module):
    """What ``FormatQueryHead`` does with the detections of an image when the names were read before.

    Args:
        head: With a ``VocabularyReader``.
        last: As of ``DetectorGraph``.
        num_tokens: As of ``DetectorTokenizer``.
    """

    def __init__(self, head: FormatQueryHead, last: nn.Module, num_tokens: int):
        super().__init__()
        self.last, self.head, self.num_tokens = last, head, num_tokens

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes ``float[n, 4]`` (xyxy in [0, 1]), scores ``float[n]`` and labels ``int[n]``, best first.

        Args:
            inputs: Those of ``last``; ``float[V, N]``, the probability of each name given each word; and ``int[N]``,
                as of ``keep_better_names``.
        """
        *inputs, vocabulary, canonical = inputs
        boxes, class_logits, embeddings = self.last(*inputs)
        found = Detections(boxes, class_logits, embeddings).top(self.num_tokens)
        tokens = ImageTokens(found.embeddings, found.boxes, found.objectness, class_logits=found.class_logits)
        scores = self.head.class_reader.class_logits(tokens, vocabulary[None]).sigmoid()
        scores = keep_better_names(scores, canonical[None])[0]  # [M, N]
        scores = scores.masked_fill((tokens.boxes[0, :, 2:] <= 0).any(-1, keepdim=True), 0)
        best, index = scores.flatten().sort(descending=True)
        best, index = best[:self.head.max_per_img], index[:self.head.max_per_img]
        token = torch.arange(len(scores))[:, None].expand_as(scores).flatten()[index]
        label = torch.arange(scores.shape[1]).expand_as(scores).flatten()[index]
        return self.place(tokens)[token], best, label

    def place(self, tokens: ImageTokens) -> Tensor:
        """Boxes ``float[M, 4]`` of all tokens of an image."""
        bins = expected_bin(self.head.coordinates.prior(None, tokens, BOX)[0])
        points = bins_to_offsets(bins).unflatten(-1, (-1, 2)) + tokens.centers[:, :, None]
        return points_to_boxes(points.clamp(0, 1))[0]
