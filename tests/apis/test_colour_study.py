"""Which expressions with a colour a study asks for."""

import torch

from visionllm.apis.colour_study import unique_colours
from visionllm.language.colour_terms import COLOURS, PARTS


def shares(*colours: dict[str, str]) -> torch.Tensor:
    """Shares of objects whose parts have one colour each, ``{part: colour}``; nothing of any elsewhere."""
    values = torch.zeros(len(colours), len(PARTS), len(COLOURS))
    for row, parts in zip(values, colours):
        for part, colour in parts.items():
            row[PARTS.index(part), COLOURS.index(colour)] = 1
    return values


def asked(names, *colours):
    return list(unique_colours(names, shares(*colours)))


def test_a_colour_is_asked_for_where_one_object_of_a_class_has_it():
    red, blue = dict(whole='red'), dict(whole='blue')
    assert asked(['car', 'car', 'dog'], red, blue, red) == [(0, 'car', 'the red car'), (1, 'car', 'the blue car')]
    assert asked(['car', 'car', 'car'], red, red, blue) == [(2, 'car', 'the blue car')]
    assert asked(['car'], red) == []


def test_people_have_the_colours_of_their_clothes():
    names = ['person', 'person']
    assert asked(names, dict(upper='red', whole='blue'), dict(upper='pink')) == [(0, 'person', 'the person in red')]


def test_nothing_is_asked_where_it_is_doubtful():
    doubtful = shares(dict(whole='red'), dict(whole='red'))
    doubtful[1, 0] *= 0.3  # neither red nor clearly not
    assert list(unique_colours(['car', 'car'], doubtful)) == []
