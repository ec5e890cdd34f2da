"""Means over all processes of a run, so that many train as one would with all their pictures."""

from mmengine.dist import all_gather_object, get_world_size
from torch import Tensor

from visionllm.structures import Mean


def averages(losses: dict[str, Mean]) -> dict[str, Tensor]:
    """The means of a batch that is spread over all processes, which may not all have every loss.

    Their values are the whole batch's. Their gradients are of this process's share, and by so much larger that the
    mean of all processes' gradients, which is what training takes, is that of the whole batch.
    """
    world = get_world_size()
    if world == 1:
        return {name: mean.value for name, mean in losses.items()}
    own = {name: (float(mean.total.detach()), float(mean.count)) for name, mean in losses.items()}
    shares = all_gather_object(own)
    means = {}
    for name, mean in losses.items():
        totals, counts = zip(*[share[name] for share in shares if name in share])
        count = max(sum(counts), 1.0)
        own_share = mean.total * (world / count)
        means[name] = own_share + (sum(totals) / count - own_share).detach()
    return means


def added(losses: dict[str, Mean], more: dict[str, Mean]) -> dict[str, Mean]:
    """Losses of two parts of a batch as those of both."""
    return losses | {name: losses[name] + mean if name in losses else mean for name, mean in more.items()}
