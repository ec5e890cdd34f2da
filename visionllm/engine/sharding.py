"""FSDP of the frozen layers of the language model over the GPUs of a machine.

Trained parameters are replicated and averaged by DDP, so neither gradients nor checkpoints are sharded.
"""

from socket import gethostname

import torch.distributed as dist
from mmengine.device import get_device
from mmengine.dist import all_gather_object
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from visionllm.errors import ConfigError


@MODEL_WRAPPERS.register_module()
class ShardedDataParallel(MMDistributedDataParallel):
    """``MMDistributedDataParallel`` that shards the language model's frozen layers and gathers a layer when it is run,
    in the forward and in the backward pass.

    In training all processes must run the layers equally often and in the same order, which holds since one task is
    sampled for all of them. In evaluation answers differ in length, so the layers are gathered once and stay gathered.

    Args:
        module: A ``VisionLLM``.
        kwargs: Of ``MMDistributedDataParallel``.

    Raises:
        ConfigError: It has no language model.
    """

    def __init__(self, module: nn.Module, **kwargs: object):
        if getattr(module, 'llm', None) is None:
            raise ConfigError('ShardedDataParallel shares the layers of a language model, and this model has none. '
                              'Leave model_wrapper_cfg as it is.')
        layers = shard_frozen(module.llm.decoder)
        shared = [name for name, parameter in module.named_parameters() if isinstance(parameter, DTensor)]
        self._set_params_and_buffers_to_ignore_for_model(module, shared)
        super().__init__(module, **kwargs)
        self.layers = layers

    def train(self, mode: bool = True) -> 'ShardedDataParallel':
        """As usual, with sharded layers in training and gathered ones in evaluation."""
        for layer in self.layers:
            layer.set_reshard_after_forward(mode)
            if mode:
                layer.reshard()
            else:
                layer.unshard()
        return super().train(mode)


def shard_frozen(decoder: nn.Module) -> list[FSDPModule]:
    """Shard the frozen parameters of a decoder's layers, and return these layers.

    The last layer is not sharded: of a prefix only its keys and values are used, and torch gathers a layer in the
    backward pass when its output gets a gradient.
    """
    mesh, layers = mesh_of_machine(), list(decoder.layers[:-1])
    trained = {parameter for parameter in decoder.parameters() if parameter.requires_grad}
    for layer in layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=trained)
    fully_shard(decoder, mesh=mesh, ignored_params=set(decoder.parameters()))  # prefetches the next layer
    return layers


def mesh_of_machine() -> DeviceMesh:
    """A process group of its own for this machine's processes, since DDP communicates in an order of its own."""
    hosts = all_gather_object(gethostname())
    group, _ = dist.new_subgroups(hosts.count(hosts[0]))
    return DeviceMesh.from_group(group, get_device())
