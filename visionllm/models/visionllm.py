"""VisionLLM: a picture and an instruction in, a set of tuples or a sentence out (paper, figure 3)."""

from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatch

from mmdet.models.detectors import BaseDetector
from mmdet.registry import MODELS
from mmengine.model import initialize
from torch import Tensor, nn

from visionllm.language import Instruction, InstructionError
from visionllm.structures import ImageTokens, Mean, Target, TextFeatures

from .averages import added, averages
from .samples import Samples, asked_for, instruction_of, real_pixels, target_of, turns


@MODELS.register_module()
class VisionLLM(BaseDetector):
    """Backbone and neck, text encoder, connector, language model, heads: parts of a config, in that order.

    A sample's ``instruction`` (metainfo) says what to do, in a sentence, or in several that name a group of its classes
    each; ``text`` holds its dataset's class names. The output format in the instruction decides which head answers.

    Args:
        backbone, neck, text_encoder, connector, llm: Configs of the parts.
        heads: Configs of the parts that answer, by a name of theirs; the first that reads a format answers to it.
        llm: None where no head asks it (``OwnPlacesHead``).
        second_look: Config of ``SecondLook``; None for none.
        token_guidance: Config of ``TokenGuidance``; None for none.
        frozen: Name patterns of parameters that are not trained, such as ``backbone.*``.
        data_preprocessor, init_cfg: As for any MMDetection model.
    """

    def __init__(self, backbone: dict, neck: dict, text_encoder: dict, connector: dict, heads: dict[str, dict],
                 llm: dict | None = None, second_look: dict | None = None, token_guidance: dict | None = None,
                 frozen: tuple[str, ...] = (), data_preprocessor: dict | None = None, init_cfg: dict | None = None):
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.text_encoder = MODELS.build(text_encoder)
        self.llm = MODELS.build(llm) if llm else None
        self.connector = MODELS.build({**connector, 'text_width': self.text_encoder.width})
        channels = self.connector.embed_dims
        self.second_look = MODELS.build({**second_look, 'channels': channels}) if second_look else None
        self.token_guidance = None
        if token_guidance:
            sizes = dict(channels=channels, text_width=self.text_encoder.width)
            self.token_guidance = MODELS.build({**token_guidance, **sizes})
        widths = dict(token_channels=channels, llm_width=self.llm.width if llm else 0)
        self.heads = nn.ModuleDict({name: MODELS.build({**head, **widths}) for name, head in heads.items()})
        self.frozen = tuple(frozen)
        self._freeze()

    def loss(self, batch_inputs: Tensor, batch_data_samples: Samples) -> dict[str, Tensor]:
        """Losses of a batch: the connector's own, and each head's over the samples that it answers."""
        asked = self.by_head(batch_data_samples)
        layers = self.look(batch_inputs, batch_data_samples)
        targets = [target_of(sample) for sample in batch_data_samples]
        losses = self.tokenizer_loss(layers, targets)
        for head, members, instructions in asked:
            answered = head.loss(self.llm, instructions, layers[-1][members], [targets[i] for i in members])
            losses = added(losses, answered)
        return averages(losses)

    def tokenizer_loss(self, layers: list[ImageTokens], targets: list[Target]) -> dict[str, Mean]:
        """The connector's own loss on the pictures whose objects are known, which are paired with tokens on the way."""
        known = [i for i, target in enumerate(targets) if target.annotated]
        if not known:
            return {}
        losses, pairs = self.connector.loss([tokens[known] for tokens in layers], [targets[i].boxes for i in known],
                                            [targets[i].rings for i in known])
        for i, paired in zip(known, pairs):
            targets[i].pairs = paired
        return losses

    def predict(self, batch_inputs: Tensor, batch_data_samples: Samples, rescale: bool = True) -> Samples:
        """The samples with their answers: ``pred_instances``, labels being indices into the sample's ``text``, or
        ``pred_text``; one to all sentences of an instruction."""
        scales = self.extract_feat(batch_inputs)
        given = defaultdict(list)
        for some, samples in turns(batch_data_samples):
            tokens = self.look(batch_inputs[some], samples, [scale[some] for scale in scales])[-1]
            for head, members, instructions in self.by_head(samples):
                answers = head.predict(self.llm, instructions, tokens[members])
                for i, instruction, answer in zip(members, instructions, answers):
                    given[head, some[i]].append((instruction, answer))
        for (head, i), answered in given.items():
            head.deliver(batch_data_samples[i], *zip(*answered), rescale)
        return batch_data_samples

    def look(self, batch_inputs: Tensor, samples: Samples,
             scales: Sequence[Tensor] | None = None) -> list[ImageTokens]:
        """Image tokens of the batch, guided by each sample's instruction: pixels by all of it, tokens by its names.
        ``scales`` of the pictures need not be extracted again."""
        layers, pad_mask = self.first_look(batch_inputs, samples, scales)
        if self.second_look is not None:
            layers[-1] = self.second_look(batch_inputs, pad_mask, layers[-1])
        if self.token_guidance is not None:
            layers[-1] = self.token_guidance(layers[-1], self.guide([asked_for(sample) for sample in samples]))
        return layers

    def first_look(self, batch_inputs: Tensor, samples: Samples,
                   scales: Sequence[Tensor] | None = None) -> tuple[list[ImageTokens], Tensor]:
        """Image tokens as the connector has them, and where the pictures are pictures: ``bool[B, height, width]``."""
        pad_mask = real_pixels(batch_inputs, samples)
        guidance = self.guide([sample.instruction for sample in samples])
        return self.connector(scales or self.extract_feat(batch_inputs), pad_mask, guidance), pad_mask

    def guide(self, texts: list[str]) -> TextFeatures:
        """Texts as the text encoder sees them; those that are alike are read once."""
        unique = list(dict.fromkeys(texts))
        features = self.text_encoder(unique)
        rows = [unique.index(text) for text in texts]
        return TextFeatures(features.features[rows], features.mask[rows])

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Four scales of the pictures."""
        return self.neck(self.backbone(batch_inputs))

    def by_head(self, samples: Samples) -> list[tuple[nn.Module, list[int], list[Instruction]]]:
        """Each head, the samples that it answers, and their instructions."""
        groups = defaultdict(list)
        instructions = [instruction_of(sample) for sample in samples]
        for index, instruction in enumerate(instructions):
            groups[self._head_of(instruction)].append(index)
        return [(self.heads[name], members, [instructions[i] for i in members]) for name, members in groups.items()]

    def _head_of(self, instruction: Instruction) -> str:
        for name, head in self.heads.items():
            if head.reads(instruction.output_format):
                return name
        raise InstructionError(f'The instruction asks for {instruction.output_format}, which none of this model\'s '
                               f'heads ({", ".join(self.heads)}) can answer; add one to the config\'s heads.')

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
        for part in self.children():
            if mode and not any(p.requires_grad for p in part.parameters()):
                part.eval()
        return self
