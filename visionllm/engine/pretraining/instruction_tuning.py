"""Visual instruction tuning (Liu et al., NeurIPS 2023): the language model learns to answer in text, with the image
prompt before it.
"""

from mmdet.registry import TASK_UTILS
from mmengine.runner import Runner
from torch import Tensor, nn

from visionllm.errors import ConfigError
from visionllm.models.freezing import requires_grad
from visionllm.models.samples import build_target, get_instruction
from visionllm.structures import LossTerm

from ..distributed import unwrapped
from .progress import StageProgress
from .stage import PretrainingStage, frozen_tokens


@TASK_UTILS.register_module()
class InstructionTuning(PretrainingStage):
    """Train the image prompt, and the LoRA for answers in text, frozen by the config or not.

    Arguments as of ``PretrainingStage``.
    """

    logged = ('loss_text', 'acc_text')
    needs_objects = False

    def check(self, model: nn.Module) -> None:
        if 'text' not in model.heads:
            raise ConfigError(f'{self.name} trains answers in text: add text=dict(type=\'NextTokenHead\', ...) to '
                              'model.heads.')

    def parts(self, model: nn.Module) -> list[nn.Module]:
        """The image prompt and the language model."""
        return [model.heads['text'].image_prompt, model.llm]

    def run(self, runner: Runner, progress: StageProgress) -> dict[str, Tensor]:
        """As in ``PretrainingStage``."""
        with requires_grad(unwrapped(runner.model).llm.text_parameters().values(), True):
            return super().run(runner, progress)

    def losses(self, model: nn.Module, batch: dict) -> dict[str, LossTerm]:
        """Text loss; the connector and the refiners are not trained."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        instructions = [get_instruction(sample) for sample in samples]
        targets = [build_target(sample) for sample in samples]
        return model.heads['text'].loss(model.llm, instructions, frozen_tokens(model, data), targets)
