"""VisionLLM: a picture and an instruction in, a set of tuples out (paper, figure 3)."""

from collections import defaultdict
from fnmatch import fnmatch

import torch
from mmdet.models.detectors import BaseDetector
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh, get_box_tensor
from mmengine.model import initialize
from torch import Tensor

from visionllm.language import Instruction, InstructionError, parse_instruction
from visionllm.structures import ImageTokens, TextFeatures
from visionllm.structures.polygons import fill_rings

from .matching import true_names

Samples = list[DetDataSample]


@MODELS.register_module()
class VisionLLM(BaseDetector):
    """Backbone and neck, text encoder, connector, language model, head: parts of a config, in that order.

    A sample's ``instruction`` (metainfo) says what to do; ``text`` holds its dataset's class names. Samples that share
    an instruction share its computation.

    Args:
        backbone, neck, text_encoder, connector, llm, head: Configs of the parts.
        frozen: Name patterns of parameters that are not trained, such as ``backbone.*``.
        data_preprocessor, init_cfg: As for any MMDetection model.
    """

    def __init__(self, backbone: dict, neck: dict, text_encoder: dict, connector: dict, llm: dict, head: dict,
                 frozen: tuple[str, ...] = (), data_preprocessor: dict | None = None, init_cfg: dict | None = None):
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.text_encoder = MODELS.build(text_encoder)
        self.llm = MODELS.build(llm)
        self.connector = MODELS.build({**connector, 'text_width': self.text_encoder.width})
        self.head = MODELS.build({**head, 'token_channels': self.connector.embed_dims, 'llm_width': self.llm.width})
        self.frozen = tuple(frozen)
        self._freeze()

    def loss(self, batch_inputs: Tensor, batch_data_samples: Samples) -> dict[str, Tensor]:
        """Losses of a batch: the connector's own, and the head's over each instruction's samples."""
        layers = self.look(batch_inputs, batch_data_samples)
        boxes, labels = ground_truth(batch_data_samples)
        points = [_points(sample) for sample in batch_data_samples]
        losses = self.connector.loss(layers, boxes)
        tokens = layers[-1]
        pairs = self.connector.match(tokens, boxes)
        names = list(batch_data_samples[0].text)
        target = true_names(pairs, labels, tokens.boxes.shape[1], len(names))
        losses |= self.head.name_loss(self.llm, names, tokens, target)
        groups = by_instruction(batch_data_samples)
        for instruction, members in groups.items():
            share = len(members) / len(batch_data_samples)
            named = [_named_objects(batch_data_samples[i], instruction) for i in members]
            for name, value in self.head.loss(self.llm, instruction, tokens[members],
                                              [boxes[i][keep] for i, (keep, _) in zip(members, named)],
                                              [points[i][keep] for i, (keep, _) in zip(members, named)],
                                              [classes for _, classes in named],
                                              [pairs[i][0] for i in members]).items():
                losses[name] = losses.get(name, 0) + share * value
        return losses

    def predict(self, batch_inputs: Tensor, batch_data_samples: Samples, rescale: bool = True) -> Samples:
        """Answers as ``pred_instances`` of the samples; labels are indices into the sample's ``text``."""
        tokens = self.look(batch_inputs, batch_data_samples)[-1]
        for instruction, members in by_instruction(batch_data_samples).items():
            for i, result in zip(members, self.head.predict(self.llm, instruction, tokens[members])):
                _finish(batch_data_samples[i], instruction, result, rescale)
        return batch_data_samples

    def look(self, batch_inputs: Tensor, samples: Samples) -> list[ImageTokens]:
        """Image tokens of the batch, guided by each sample's instruction."""
        features = self.extract_feat(batch_inputs)
        pad_mask = torch.zeros(len(samples), *batch_inputs.shape[-2:], dtype=torch.bool, device=batch_inputs.device)
        for mask, sample in zip(pad_mask, samples):
            mask[:sample.img_shape[0], :sample.img_shape[1]] = True
        texts = [sample.instruction for sample in samples]
        unique = list(dict.fromkeys(texts))
        guidance = self.text_encoder(unique)
        rows = [unique.index(text) for text in texts]
        guidance = TextFeatures(guidance.features[rows], guidance.mask[rows])
        return self.connector(features, pad_mask, guidance)

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Four scales of the pictures."""
        return self.neck(self.backbone(batch_inputs))

    def _forward(self, batch_inputs: Tensor, batch_data_samples: Samples) -> ImageTokens:
        return self.look(batch_inputs, batch_data_samples)[-1]

    def init_weights(self) -> None:
        """Parts first, then ``init_cfg``: mmengine's own order would let the parts undo what was loaded."""
        for part in (self.backbone, self.neck, self.connector):
            part.init_weights()
        if self.init_cfg:
            initialize(self, self.init_cfg)
        self._is_init = True

    def _freeze(self) -> None:
        for name, parameter in self.named_parameters():
            if any(fnmatch(name, pattern) for pattern in self.frozen):
                parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> 'VisionLLM':
        """As usual, but a part with no trainable parameter stays in evaluation mode (its statistics are frozen)."""
        super().train(mode)
        for part in (self.backbone, self.neck, self.text_encoder):
            if mode and not any(p.requires_grad for p in part.parameters()):
                part.eval()
        return self


def by_instruction(samples: Samples) -> dict[Instruction, list[int]]:
    """Indices of the samples that share an instruction."""
    groups = defaultdict(list)
    for index, sample in enumerate(samples):
        if 'instruction' not in sample:
            raise InstructionError('A sample carries no instruction. Add dict(type=\'WriteInstruction\') to the '
                                   'pipeline, or the instruction_collate function to the training dataloader.')
        groups[parse_instruction(sample.instruction)].append(index)
    return groups


def ground_truth(samples: Samples) -> tuple[list[Tensor], list[Tensor]]:
    """Boxes ``float[G, 4]`` (cxcywh in [0, 1] of the resized picture) and labels ``int[G]`` of each sample."""
    return [_boxes(sample) for sample in samples], [sample.gt_instances.labels for sample in samples]


def _boxes(sample: DetDataSample) -> Tensor:
    """Ground truth as cxcywh in [0, 1] of the resized picture."""
    height, width = sample.img_shape
    boxes = get_box_tensor(sample.gt_instances.bboxes)
    return bbox_xyxy_to_cxcywh(boxes) / boxes.new_tensor([width, height, width, height])


def _points(sample: DetDataSample) -> Tensor:
    """What an answer should say of each object, in [0, 1] of the resized picture."""
    height, width = sample.img_shape
    return sample.gt_instances.points / sample.gt_instances.points.new_tensor([width, height])


def _named_objects(sample: DetDataSample, instruction: Instruction) -> tuple[Tensor, Tensor]:
    """Which of the sample's objects the instruction names: ``bool[G]``, and the class index of those."""
    labels = sample.gt_instances.labels
    place = {name: k for k, name in enumerate(instruction.class_names)}
    table = torch.tensor([place.get(name, -1) for name in sample.text], device=labels.device)
    classes = table[labels]
    return classes >= 0, classes[classes >= 0]


def _finish(sample: DetDataSample, instruction: Instruction, result, rescale: bool) -> None:
    """Put an answer into a sample: in pixels of the original picture, labels of the dataset."""
    height, width = sample.img_shape
    size = result.bboxes.new_tensor([width, height])
    if rescale:
        size = size / result.bboxes.new_tensor(sample.scale_factor)
    result.bboxes = result.bboxes * size.repeat(2)
    result.points = result.points * size
    if not instruction.output_format.is_box:
        shape = sample.ori_shape if rescale else sample.img_shape
        result.masks = torch.from_numpy(fill_rings(result.points.detach().cpu().numpy(), *shape[:2]))
    place = {name: k for k, name in enumerate(sample.text)}
    unknown = [name for name in instruction.class_names if name not in place]
    if unknown:
        raise InstructionError(f'The instruction names {", ".join(unknown[:5])}, which the sample\'s classes '
                               f'({", ".join(sample.text[:5])}, ...) do not hold.')
    table = torch.tensor([place[name] for name in instruction.class_names], device=result.labels.device)
    result.labels = table[result.labels]
    sample.pred_instances = result
