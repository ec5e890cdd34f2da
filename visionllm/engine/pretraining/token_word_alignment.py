"""Token-word alignment: image tokens learn to be the embeddings of their objects' names.

The heads' projectors (and the RoI refiner) are trained; the language model is not run, so a step costs no more than the
image tokenizer.

Dimensions: B images, M image tokens, K class names.
"""

import copy

import torch
import torch.nn.functional as F
from mmdet.registry import TASK_UTILS
from mmengine.runner import Runner
from torch import Tensor, nn

from visionllm.errors import ConfigError
from visionllm.models.samples import build_target
from visionllm.structures import ImageTokens, LossTerm

from ..distributed import unwrapped
from .progress import StageProgress
from .stage import PretrainingStage


@TASK_UTILS.register_module()
class TokenWordAlignment(PretrainingStage):
    """Train everything between the tokenizer and the language model on class names and phrases.

    Args:
        name, steps, lr, dataset_weights, batch_size: As of ``PretrainingStage``.
        from_detector: Distil the class branches of the detector that the tokenizer was initialized from, whose classes
            are the dataset's: every token learns the mixture of names that the detector predicts, not only those
            matched to objects. Its objectness is kept.
    """

    logged = ('acc_name', 'acc_word', 'loss_objectness')

    def __init__(self, name: str, steps: int = 600, lr: float = 2e-3, dataset_weights: list[float] | None = None,
                 batch_size: int | None = None, from_detector: bool = False):
        super().__init__(name, steps, lr, dataset_weights, batch_size)
        self.from_detector = from_detector
        self._detector = None

    def check(self, model: nn.Module) -> None:
        if self.from_detector and 'roi' in model.refiners:
            raise ConfigError('A detector has no class scores for what the RoI refiner sees: set '
                              'TokenWordAlignment(from_detector=False), or leave roi out of model.refiners.')

    def run(self, runner: Runner, progress: StageProgress) -> dict[str, Tensor]:
        """As in ``PretrainingStage``; the detector is copied before it is trained on."""
        if self.from_detector:
            self._detector = copy.deepcopy(unwrapped(runner.model).connector.objectness_branches[-1])
        return super().run(runner, progress)

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """Heads, RoI refiner and objectness; token guidance has a stage of its own, which this one would undo."""
        parts = [model.heads, *([model.refiners['roi']] if 'roi' in model.refiners else [])]
        return parts if self.from_detector else [*parts, model.connector.objectness_branches]

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Of the tokenizer, and the alignment losses of the heads."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        targets = [build_target(sample) for sample in samples]
        layers = model.extract_tokens(data['inputs'], samples)
        losses, tokens = model.connector_loss(layers, targets), layers[-1]
        if self.from_detector:
            names = list(targets[0].names)
            target = detector_probabilities(self._detector, tokens, names)
            return losses | model.heads['tuples'].name_loss(model.llm, names, tokens, target)
        for head, members, _ in model.group_by_head(samples):
            losses |= head.alignment_loss(model.llm, tokens[members], [targets[i] for i in members])
        return losses


@torch.no_grad()
def detector_probabilities(detector: nn.Linear, tokens: ImageTokens, names: list[str]) -> Tensor:
    """Softmax of a detector's class logits and a no-object logit of 0: ``float[B, M, K + 1]``.

    Raises:
        ConfigError: It has another number of classes.
    """
    if detector.out_features != len(names):
        raise ConfigError('TokenWordAlignment(from_detector=True) needs a tokenizer that starts from a detector of the '
                          f'dataset\'s {len(names)} classes, but this one has {detector.out_features} prototypes. '
                          'Set num_prototypes and init_cfg to match, or from_detector=False.')
    return F.pad(detector(tokens.embeddings), (0, 1)).softmax(-1)  # the complement of a sigmoid has logit 0
