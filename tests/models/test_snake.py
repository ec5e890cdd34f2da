import math

import torch

from visionllm.models.connectors.snake import Snake
from visionllm.structures.rings import best_turn, unit_ring


def discs(centres, radii, size=24):
    """Bright discs on dark ground, ``float[n, 3, size, size]``; lengths as the snake has them."""
    unit = (2 * torch.arange(size) + 1) / size - 1
    distance = (unit - centres[:, 0, None, None])**2 + (unit[:, None] - centres[:, 1, None, None])**2
    return (distance < radii[:, None, None]**2).float()[:, None].expand(-1, 3, -1, -1)


def draw(count, generator):
    """Pictures, and outlines of their discs ``float[count, 16, 2]``."""
    centres = torch.rand(count, 2, generator=generator) * 0.4 - 0.2
    radii = torch.rand(count, generator=generator) * 0.4 + 0.4
    return discs(centres, radii), centres[:, None] + radii[:, None, None] * unit_ring(16)


def test_it_starts_as_nothing():
    outlines = torch.randn(3, 16, 2)
    coarse = [torch.randn(3, 5, 12, 12), torch.randn(3, 2, 6, 6)]
    assert torch.equal(Snake(3, 7)(torch.randn(3, 3, 24, 24), coarse, outlines), outlines)


def test_it_learns_to_move_to_the_edge_whatever_the_edge_is():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    snake = Snake(3, 0, rounds=2, edges=8, width=16)
    optimizer = torch.optim.AdamW(snake.parameters(), lr=5e-3)
    start = (0.6 * unit_ring(16)).expand(32, -1, -1)

    def off():
        pictures, truth = draw(32, generator)
        moved = snake(pictures, [], start)
        return (moved - best_turn(truth, moved.detach())).abs().mean()

    _, truth = draw(32, torch.Generator().manual_seed(1))
    before = (start - best_turn(truth, start)).abs().mean()
    for _ in range(120):
        optimizer.zero_grad()
        off().backward()
        optimizer.step()
    with torch.no_grad():
        assert off() < 0.4 * before


def test_an_outline_may_start_at_any_of_its_points():
    torch.manual_seed(0)
    snake = Snake(3, 0).eval()
    for move in snake.rounds:
        torch.nn.init.normal_(move.leave.weight)
    outline, picture = 0.5 * unit_ring(16)[None], torch.randn(1, 3, 24, 24)
    turned = snake(picture, [], outline.roll(5, 1))
    assert torch.allclose(turned, snake(picture, [], outline).roll(5, 1), atol=1e-5)
    assert math.isfinite(float(turned.sum()))


def test_points_beyond_the_picture_are_harmless():
    snake = Snake(3, 0)
    for move in snake.rounds:
        torch.nn.init.normal_(move.leave.weight)
    outline = (5 * unit_ring(16)[None]).requires_grad_()
    snake(torch.randn(1, 3, 24, 24), [], outline).sum().backward()
    assert torch.isfinite(outline.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in snake.parameters())
