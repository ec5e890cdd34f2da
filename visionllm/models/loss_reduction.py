"""Reduction of losses over all processes of a distributed run, equivalent to one process with the whole batch."""

from mmengine.dist import all_gather_object, get_world_size
from torch import Tensor

from visionllm.structures import LossTerm


def reduce_losses(losses: dict[str, LossTerm]) -> dict[str, Tensor]:
    """Average losses over the batches of all processes; a process may lack some of the losses.

    Args:
        losses: Sums and counts of this process, by name.

    Returns:
        Losses ``float[]`` by name. Their values are those of the whole batch. Their gradients are those of this
        process, scaled so that the average over processes, as taken by data-parallel training, is the gradient of the
        whole batch.
    """
    world_size = get_world_size()
    if world_size == 1:
        return {name: loss.value for name, loss in losses.items()}
    own = {name: (float(loss.total.detach()), float(loss.count)) for name, loss in losses.items()}
    gathered = all_gather_object(own)
    reduced = {}
    for name, loss in losses.items():
        totals, counts = zip(*[each[name] for each in gathered if name in each])
        count = max(sum(counts), 1.0)
        own_part = loss.total * (world_size / count)
        reduced[name] = own_part + (sum(totals) / count - own_part).detach()
    return reduced


def merge_losses(losses: dict[str, LossTerm], more: dict[str, LossTerm]) -> dict[str, LossTerm]:
    """Merge the losses of two parts of a batch."""
    return losses | {name: losses[name] + loss if name in losses else loss for name, loss in more.items()}
