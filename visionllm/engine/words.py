"""Teach image tokens to be words before the language model is asked about them.

Projectors of the heads (and the second look, where the model has one) are trained to turn a token into the embeddings
of the object's name, and objectness to tell things from ground. The language model is not run, so a step costs no more
than looking at the pictures.
"""

import copy

import torch
import torch.nn.functional as F
from mmdet.registry import HOOKS
from torch import Tensor, nn

from visionllm.models.samples import target_of
from visionllm.structures import ImageTokens, Mean

from .lesson import Lesson
from .processes import unwrapped


@HOOKS.register_module()
class TeachWords(Lesson):
    """Train all that is between the tokenizer and the language model, on names and phrases.

    Args:
        steps, lr, weights, cache: As in ``Lesson``.
        from_detector: The tokenizer starts from a detector of the dataset's own classes, so its prototypes are the
            detector's class branches: every token learns the blend of words that the detector would have said of it,
            instead of the few on objects learning their names. On 1,771 pictures of 80 classes, nearness to the
            names alone then has an AP50 of 8.4, against 5.0 by the names of objects; the detector has 8.2. Its
            objectness stays as it is: trained on, it costs a tenth of that.
    """

    shown = ('acc_name', 'acc_word', 'loss_objectness')

    def __init__(self, steps: int = 600, lr: float = 2e-3, from_detector: bool = False,
                 weights: list[float] | None = None, cache: str | None = None):
        super().__init__(steps, lr, weights, cache)
        self.from_detector = from_detector
        self.detector = None

    def settings(self) -> dict[str, object]:
        return super().settings() | dict(from_detector=self.from_detector)

    def before_train(self, runner) -> None:
        model = unwrapped(runner.model)
        if self.from_detector and model.second_look is not None:
            raise ValueError('A detector has no opinion of what a second look sees: set '
                             'TeachWords(from_detector=False), or second_look=None.')
        if self.from_detector:
            self.detector = copy.deepcopy(model.connector.objectness_branches[-1])
        super().before_train(runner)

    def parts(self, model) -> list[nn.Module]:
        """Heads and looks; a detector knows already what is something. The token guidance has its own lesson, which a
        few hundred steps of this one undo: of 75 phrases with a relation it then found 51 % instead of 89."""
        parts = [model.heads, model.second_look]
        return [part for part in parts if part is not None] + (
            [] if self.from_detector else [model.connector.objectness_branches])

    def losses(self, model, batch: dict) -> dict[str, Mean]:
        """Of the tokenizer, and of the heads' words."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        targets = [target_of(sample) for sample in samples]
        layers = model.look(data['inputs'], samples)
        losses, tokens = model.tokenizer_loss(layers, targets), layers[-1]
        if self.from_detector:
            names = list(targets[0].names)
            wanted = detected_names(self.detector, tokens, names)
            return losses | model.heads['tuples'].name_loss(model.llm, names, tokens, wanted)
        for head, members, _ in model.by_head(samples):
            losses |= head.word_loss(model.llm, tokens[members], [targets[i] for i in members])
        return losses


@torch.no_grad()
def detected_names(detector: nn.Linear, tokens: ImageTokens, names: list[str]) -> Tensor:
    """What a detector's class branch says of image tokens: ``float[B, M, K + 1]``, the last of nothing.

    Raises:
        ValueError: If it knows another number of classes.
    """
    if detector.out_features != len(names):
        raise ValueError(f'TeachWords(from_detector=True) needs a tokenizer that starts from a detector of the '
                         f'dataset\'s {len(names)} classes, but this one has {detector.out_features} prototypes. Set '
                         'num_prototypes and init_cfg to match, or from_detector=False.')
    return F.pad(detector(tokens.embeddings), (0, 1)).softmax(-1)  # a sigmoid's other answer has logit 0
