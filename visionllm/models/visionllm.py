"""VisionLLM: an image and an instruction in, a set of tuples or text out (paper, figure 3).

    image -> backbone, neck -> feature maps -> connector -> image tokens -> refiners -> head <-> language model
    instruction -> text encoder --------------^----------------------------^           ^- instruction

Dimensions: B images, H x W the padded input, M image tokens, C token channels, N text tokens, D text channels.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatch

from mmdet.models.detectors import BaseDetector
from mmdet.registry import MODELS
from mmengine.logging import print_log
from mmengine.model import initialize
from torch import Tensor, nn

from visionllm.language import Instruction, InstructionError
from visionllm.structures import ImageTokens, LossTerm, Target, TextFeatures

from .freezing import keep_frozen_in_eval
from .loss_reduction import merge_losses, reduce_losses
from .samples import Samples, batch_pixel_mask, build_target, get_instruction, iter_sentences, referring_text
from .unpadded_features import unpadded_features


@MODELS.register_module()
class VisionLLM(BaseDetector):
    """Parts that are composed by a config: any of them can be exchanged.

    A sample's ``instruction`` (metainfo) is a sentence, or several that each name a group of the classes; ``text``
    holds the class names of its dataset. The output format in the instruction decides which head answers.

    Args:
        text_encoder: Config.
        connector: Config of the image tokenizer: feature maps and text features to image tokens.
        backbone, neck: Configs; None for a connector that reads images (``DetectorTokenizer``).
        heads: Configs of the output decoders by name; the first that supports a format answers in it.
        llm: Config of the language model; None where no head uses one (``ProposalHead``).
        refiners: Configs of modules that change the image tokens, applied in this order (``RoIRefiner``,
            ``TokenGuidance``).
        frozen: Name patterns of parameters that are not trained, such as ``backbone.*``.
        data_preprocessor, init_cfg: As for any MMDetection model.
    """

    def __init__(self, text_encoder: dict, connector: dict, heads: dict[str, dict], backbone: dict | None = None,
                 neck: dict | None = None, llm: dict | None = None, refiners: dict[str, dict] | None = None,
                 frozen: tuple[str, ...] = (), data_preprocessor: dict | None = None, init_cfg: dict | None = None):
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone) if backbone else None
        self.neck = MODELS.build(neck) if neck else None
        self.text_encoder = MODELS.build(text_encoder)
        self.llm = MODELS.build(llm) if llm else None
        self.connector = MODELS.build({**connector, 'text_width': self.text_encoder.width})
        sizes = dict(channels=self.connector.embed_dims, text_width=self.text_encoder.width)
        self.refiners = nn.ModuleDict({name: MODELS.build({**refiner, **sizes})
                                       for name, refiner in (refiners or {}).items() if refiner})
        widths = dict(token_channels=self.connector.embed_dims, llm_width=self.llm.width if llm else 0)
        self.heads = nn.ModuleDict({name: MODELS.build({**head, **widths}) for name, head in heads.items()})
        self.frozen = tuple(frozen)
        self._told_of_too_many_objects = False
        self._freeze()

    def loss(self, batch_inputs: Tensor, batch_data_samples: Samples) -> dict[str, Tensor]:
        """Losses ``float[]`` of the connector and of each head over the samples whose format it supports.

        Args:
            batch_inputs: ``float[B, 3, H, W]``, normalized and padded.
        """
        groups = self.group_by_head(batch_data_samples)
        layers = self.extract_tokens(batch_inputs, batch_data_samples)
        targets = [build_target(sample) for sample in batch_data_samples]
        self._tell_of_too_many_objects(layers[-1], batch_data_samples, targets)
        losses = self.connector_loss(layers, targets)
        for head, members, instructions in groups:
            head_losses = head.loss(self.llm, instructions, layers[-1][members], [targets[i] for i in members])
            losses = merge_losses(losses, head_losses)
        return reduce_losses(losses)

    def _tell_of_too_many_objects(self, tokens: ImageTokens, samples: Samples, targets: list[Target]) -> None:
        """Say once that an image has more objects than there are image tokens: the others are not learned."""
        count = tokens.boxes.shape[1]
        crowded = [(sample, target) for sample, target in zip(samples, targets) if len(target.boxes) > count]
        if crowded and not self._told_of_too_many_objects:
            self._told_of_too_many_objects = True
            sample, target = crowded[0]
            print_log(f'{sample.get("img_path", "An image")} has {len(target.boxes)} objects, and there are {count} '
                      'image tokens: of such images some objects are not learned. Raise model.connector.num_queries '
                      '(num_tokens of a published detector), or cut the images.', 'current', level=logging.WARNING)

    def connector_loss(self, layers: list[ImageTokens], targets: list[Target]) -> dict[str, LossTerm]:
        """The connector's losses on annotated images, without those that train nothing (of a frozen connector).

        Stores the matching of the last layer in ``target.matches``.
        """
        annotated = [i for i, target in enumerate(targets) if target.annotated]
        if not annotated:
            return {}
        losses, matches = self.connector.loss(
            [tokens[annotated] for tokens in layers], [targets[i].boxes for i in annotated],
            [targets[i].contours for i in annotated])
        for i, match in zip(annotated, matches):
            targets[i].matches = match
        return {name: loss for name, loss in losses.items() if loss.total.requires_grad}

    def predict(self, batch_inputs: Tensor, batch_data_samples: Samples, rescale: bool = True) -> Samples:
        """Add ``pred_instances`` (labels index the sample's ``text``) or ``pred_text`` to the samples.

        The sentences of an instruction are answered one by one, on feature maps that are computed once, and merged.

        Args:
            batch_inputs: ``float[B, 3, H, W]``, normalized and padded.
            rescale: Return coordinates of the original image instead of the resized one.
        """
        divisor = getattr(self.data_preprocessor, 'pad_size_divisor', 1)
        feature_maps = self.extract_feat(batch_inputs) if self.backbone is None else unpadded_features(
            self.extract_feat, batch_inputs, batch_data_samples, divisor)
        predictions = defaultdict(list)
        for index, samples in iter_sentences(batch_data_samples):
            rows = slice(None) if len(index) == len(batch_inputs) else index  # a slice copies no pixels
            tokens = self.extract_tokens(batch_inputs[rows], samples, [each[rows] for each in feature_maps])[-1]
            for head, members, instructions in self.group_by_head(samples):
                for i, instruction, prediction in zip(members, instructions,
                                                      head.predict(self.llm, instructions, tokens[members])):
                    predictions[head, index[i]].append((instruction, prediction))
        for (head, i), pairs in predictions.items():
            head.add_pred_to_sample(batch_data_samples[i], *zip(*pairs), rescale)
        return batch_data_samples

    def extract_tokens(self, batch_inputs: Tensor, samples: Samples,
                       feature_maps: Sequence[Tensor] | None = None) -> list[ImageTokens]:
        """Image tokens after each layer of the connector; the last ones are refined.

        The connector is guided by the whole instruction, the refiners by the names or the phrase in it.

        Args:
            batch_inputs: ``float[B, 3, H, W]``.
            feature_maps: What ``extract_feat`` returned for these images, ``float[B, C, H_l, W_l]`` each; computed
                here if None.
        """
        layers, pixel_mask = self.run_connector(batch_inputs, samples, feature_maps)
        if self.refiners:
            text = self.encode_text([referring_text(sample) for sample in samples])
            for refiner in self.refiners.values():
                layers[-1] = refiner(layers[-1], batch_inputs, pixel_mask, text)
        return layers

    def run_connector(self, batch_inputs: Tensor, samples: Samples,
                      feature_maps: Sequence[Tensor] | None = None) -> tuple[list[ImageTokens], Tensor]:
        """Unrefined image tokens after each layer of the connector, and the pixel mask ``bool[B, H, W]``.

        Arguments as of ``extract_tokens``: ``float[B, 3, H, W]`` images.
        """
        pixel_mask = batch_pixel_mask(batch_inputs, samples)
        text = self.encode_text([get_instruction(sample).text for sample in samples])
        return self.connector(feature_maps or self.extract_feat(batch_inputs), pixel_mask, text), pixel_mask

    def encode_text(self, texts: list[str]) -> TextFeatures:
        """Features ``float[B, N, D]`` of B texts; duplicates are encoded once."""
        unique = list(dict.fromkeys(texts))
        encoded = self.text_encoder(unique)
        rows = [unique.index(text) for text in texts]
        return TextFeatures(encoded.features[rows], encoded.mask[rows])

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Multi-scale feature maps ``float[B, C, H_l, W_l]`` of images ``float[B, 3, H, W]``; without a backbone the
        images themselves."""
        features = self.backbone(batch_inputs) if self.backbone else (batch_inputs, )
        return self.neck(features) if self.neck else features

    def group_by_head(self, samples: Samples) -> list[tuple[nn.Module, list[int], list[Instruction]]]:
        """Each head with the indices and the instructions of the samples that it answers."""
        groups = defaultdict(list)
        instructions = [get_instruction(sample) for sample in samples]
        for index, instruction in enumerate(instructions):
            groups[self._head_for(instruction)].append(index)
        return [(self.heads[name], members, [instructions[i] for i in members]) for name, members in groups.items()]

    def _head_for(self, instruction: Instruction) -> str:
        for name, head in self.heads.items():
            if head.supports(instruction.output_format):
                return name
        raise InstructionError(f'The instruction asks for {instruction.output_format}, which none of this model\'s '
                               f'heads ({", ".join(self.heads)}) can answer. Ask for another output, or add a head '
                               'for it to the config.')

    def _forward(self, batch_inputs: Tensor, batch_data_samples: Samples) -> ImageTokens:
        return self.extract_tokens(batch_inputs, batch_data_samples)[-1]

    def init_weights(self) -> None:
        """Parts first, then ``init_cfg``: mmengine's own order would overwrite loaded weights."""
        for part in (self.backbone, self.neck, self.connector):
            if part is not None:
                part.init_weights()
        if self.init_cfg:
            initialize(self, self.init_cfg)
        self._is_init = True

    def _freeze(self) -> None:
        for name, parameter in self.named_parameters():
            if any(fnmatch(name, pattern) for pattern in self.frozen):
                parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> 'VisionLLM':
        """As usual, but parts without trainable parameters stay in evaluation mode (frozen batch statistics)."""
        super().train(mode)
        keep_frozen_in_eval((*self.children(), *self.refiners.values()))
        return self
