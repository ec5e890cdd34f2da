"""mmengine's runner, less forgiving: a checkpoint that does not fit its config is an error, not a log line."""

import atexit

from mmdet.registry import RUNNERS
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_distributed
from mmengine.runner import Runner
from torch.distributed import destroy_process_group, init_process_group
from torch.utils.data import DataLoader

from visionllm.datasets.numbered import numbered
from visionllm.models.published import difference, read_published

from .processes import unwrapped
from .saving import last_checkpoint
from .sharded_adamw import ShardedAdamW


class CheckpointMismatchError(RuntimeError):
    """A checkpoint of another config."""


@RUNNERS.register_module()
class StrictRunner(Runner):
    """``Runner`` whose checkpoints must hold every trained tensor in its right shape, and no other, and which goes on
    from them as if it had never stopped."""

    @classmethod
    def from_cfg(cls, cfg: Config) -> 'StrictRunner':
        """As in mmengine.

        Raises:
            ValueError: The config names a strategy, which mmengine's ``Runner`` would pass over.
        """
        if 'strategy' in cfg:
            raise ValueError(f'The config asks for the strategy {cfg.strategy.type}, which only mmengine\'s '
                             'FlexibleRunner reads. Leave it out: several processes train by DDP, and '
                             'model_wrapper_cfg.type=ShardedDataParallel shares the frozen layers among GPUs (FSDP).')
        return super().from_cfg(cfg)

    def setup_env(self, env_cfg: dict) -> None:
        """As in mmengine, but several processes need no CUDA."""
        if self.distributed and get_device() == 'cpu' and not is_distributed():
            init_process_group('gloo')  # by the variables that torchrun sets
            atexit.register(destroy_process_group)  # or one that ends early may take others down
        super().setup_env(env_cfg)

    @staticmethod
    def build_dataloader(dataloader: dict, seed: int | None = None, diff_rank_seed: bool = False) -> DataLoader:
        """As in mmengine, but training's draws are numbered, where there is a seed."""
        config = dataloader if seed is None else numbered(dataloader, seed)
        return Runner.build_dataloader(config, seed, diff_rank_seed)

    def load_or_resume(self) -> None:
        """As in mmengine, but a run that was stopped while it wrote which checkpoint is its last resumes, too."""
        if self._resume and self._load_from is None:
            self._load_from = last_checkpoint(self.work_dir)
        super().load_or_resume()

    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        """As in mmengine, where one process saves; an optimizer's shares are brought together first, by all."""
        if isinstance(self.optim_wrapper.optimizer, ShardedAdamW):
            self.optim_wrapper.optimizer.consolidate_state_dict()
        super().save_checkpoint(out_dir, filename, *args, **kwargs)

    def load_checkpoint(self, filename: str, map_location='cpu', strict: bool = True, **kwargs) -> dict:
        """As in mmengine, but strict.

        Raises:
            CheckpointMismatchError: Tensors are missing, too many or of another shape; all are named, by part.
        """
        try:
            return super().load_checkpoint(filename, map_location, strict=True, **kwargs)
        except RuntimeError as error:
            if 'do not match exactly' not in str(error):
                raise
            found = difference(unwrapped(self.model), read_published(filename))
            raise CheckpointMismatchError(
                f'{filename} is a checkpoint of another config than {self.cfg.filename}. {found}') from None
