"""The GPUs of a machine share the frozen layers of a language model (FSDP), which each would hold whole otherwise.

What trains is whole on each and averaged as without, so that there are no gradients to share, nor checkpoints.
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


@MODEL_WRAPPERS.register_module()
class ShardedDataParallel(MMDistributedDataParallel):
    """``MMDistributedDataParallel`` whose processes keep a share each of the language model's frozen layers, and gather
    a layer when it is run, there and back.

    In training, all must run it as often and in the same order: they do, since one task is drawn for all at a time. In
    evaluation they would not, since answers are of any length: the layers are gathered once, and stay.

    Args:
        module: A ``VisionLLM``.
        kwargs: Of ``MMDistributedDataParallel``.

    Raises:
        ValueError: It has no language model.
    """

    def __init__(self, module: nn.Module, **kwargs):
        if getattr(module, 'llm', None) is None:
            raise ValueError('ShardedDataParallel shares the layers of a language model, and this model has none. '
                             'Leave model_wrapper_cfg as it is.')
        layers = shard_frozen(module.llm.decoder)
        shared = [name for name, parameter in module.named_parameters() if isinstance(parameter, DTensor)]
        self._set_params_and_buffers_to_ignore_for_model(module, shared)
        super().__init__(module, **kwargs)
        self.layers = layers

    def train(self, mode: bool = True) -> 'ShardedDataParallel':
        """As usual, with shares of the layers in training and whole ones in evaluation."""
        for layer in self.layers:
            layer.set_reshard_after_forward(mode)
            if mode:
                layer.reshard()
            else:
                layer.unshard()
        return super().train(mode)


def shard_frozen(decoder: nn.Module) -> list[FSDPModule]:
    """Leave this process its share of what is frozen in a decoder's layers, and return these layers.

    The last stays whole: of a prefix only its keys and values are used, and it is by the gradient of its output that
    torch knows when to gather a layer on the way back.
    """
    mesh, layers = mesh_of_machine(), list(decoder.layers[:-1])
    trained = {parameter for parameter in decoder.parameters() if parameter.requires_grad}
    for layer in layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=trained)
    fully_shard(decoder, mesh=mesh, ignored_params=set(decoder.parameters()))  # so that layers are gathered ahead
    return layers


def mesh_of_machine() -> DeviceMesh:
    """The processes on this machine, as a group of their own: DDP sends when it likes, in another order on each."""
    hosts = all_gather_object(gethostname())
    group, _ = dist.new_subgroups(hosts.count(hosts[0]))
    return DeviceMesh.from_group(group, get_device())
