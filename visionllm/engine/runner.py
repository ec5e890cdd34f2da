"""mmengine's runner with strict checkpoint loading and exact resumption."""

import atexit
import logging
import re

from mmdet.registry import RUNNERS
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_distributed
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn
from torch.distributed import destroy_process_group, init_process_group
from torch.utils.data import DataLoader

from visionllm.datasets.seeded_sampling import seed_draws
from visionllm.errors import CheckpointMismatchError, ConfigError
from visionllm.models.checkpoint_loading import describe_mismatch, read_state_dict
from visionllm.models.safe_loading import Location

from .checkpoint_files import last_checkpoint
from .distributed import unwrapped
from .interrupts import noting_signals
from .sharded_adamw import ShardedAdamW

ONE_PARAMETER = re.compile(r'^paramwise_options|requires_grad=False$')  # what mmengine logs about each


@RUNNERS.register_module()
class StrictRunner(Runner):
    """``Runner`` that requires a checkpoint to have exactly the trained tensors in their shapes, and resumes from it as
    if training had not been interrupted."""

    @classmethod
    def from_cfg(cls, cfg: Config) -> 'StrictRunner':
        """As in mmengine.

        Raises:
            ConfigError: The config names a strategy, which mmengine's ``Runner`` would ignore.
        """
        if 'strategy' in cfg:
            raise ConfigError(f'The config asks for the strategy {cfg.strategy.type}, which only mmengine\'s '
                              'FlexibleRunner reads. Leave it out: several processes train by DDP, and '
                              'model_wrapper_cfg.type=ShardedDataParallel shares the frozen layers among GPUs (FSDP).')
        return super().from_cfg(cfg)

    def train(self) -> nn.Module:
        """As in mmengine; SIGINT and SIGTERM are noted, for ``SaveOnInterrupt``."""
        with noting_signals():
            return super().train()

    def setup_env(self, env_cfg: dict) -> None:
        """As in mmengine; distributed training works without CUDA."""
        if self.distributed and get_device() == 'cpu' and not is_distributed():
            init_process_group('gloo')  # by the variables that torchrun sets
            atexit.register(destroy_process_group)  # else a process that ends early can crash others
        super().setup_env(env_cfg)

    @staticmethod
    def build_dataloader(dataloader: dict, seed: int | None = None, diff_rank_seed: bool = False) -> DataLoader:
        """As in mmengine; with a seed, training samples are seeded by their index in the run."""
        config = dataloader if seed is None else seed_draws(dataloader, seed)
        return Runner.build_dataloader(config, seed, diff_rank_seed)

    def build_optim_wrapper(self, optim_wrapper: OptimWrapper | dict) -> OptimWrapper:
        """As in mmengine, which logs several lines for each parameter; here it is one for all."""
        def is_of_all(record: logging.LogRecord) -> bool:
            return not ONE_PARAMETER.search(record.getMessage())
        self.logger.addFilter(is_of_all)
        try:
            built = super().build_optim_wrapper(optim_wrapper)
        finally:
            self.logger.removeFilter(is_of_all)
        parameters = list(unwrapped(self.model).parameters())
        trained = sum(each.numel() for each in parameters if each.requires_grad)
        self.logger.info(f'{trained:,} of {sum(each.numel() for each in parameters):,} parameters are trained.')
        return built

    def load_or_resume(self) -> None:
        """As in mmengine; also resumes a run that was killed while it wrote ``last_checkpoint``.

        Raises:
            ConfigError: The file to resume from holds weights alone.
        """
        if self._resume and self._load_from is None:
            self._load_from = last_checkpoint(self.work_dir)
        if self._resume and self._load_from is None:
            self.logger.warning(f'There is no checkpoint in {self.work_dir} to resume from: training starts at its '
                                'beginning. Finished pre-training stages are kept.')
        if self._resume and str(self._load_from).endswith('.safetensors'):
            raise ConfigError(f'{self._load_from} holds weights alone, and not how far a training had come. Resume '
                              'from an iter_*.pth, or start from these weights with --cfg-options load_from=...')
        super().load_or_resume()

    def save_checkpoint(self, out_dir: str, filename: str, *args: object, **kwargs: object) -> None:
        """As in mmengine; a sharded optimizer state is first consolidated by all processes."""
        if isinstance(self.optim_wrapper.optimizer, ShardedAdamW):
            self.optim_wrapper.optimizer.consolidate_state_dict()
        super().save_checkpoint(out_dir, filename, *args, **kwargs)

    def load_checkpoint(self, filename: str, map_location: Location = 'cpu', strict: bool = True,
                        **kwargs: object) -> dict:
        """As in mmengine, but strict.

        Raises:
            CheckpointMismatchError: Tensors are missing, too many or of another shape; the first of each part are
                named.
        """
        try:
            return super().load_checkpoint(filename, map_location, strict=True, **kwargs)
        except RuntimeError as error:
            if 'do not match exactly' not in str(error):
                raise
            found = describe_mismatch(unwrapped(self.model), read_state_dict(filename))
            raise CheckpointMismatchError(
                f'{filename} is a checkpoint of another config than {self.cfg.filename}. {found}') from None
