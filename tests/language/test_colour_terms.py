"""Colours in names and expressions: of which part of the thing, and of no other thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visionllm.language.colour_terms import COLOURS, colour_terms, without_colours

TERMS = {
    'red car': ['red whole'],
    'a grey cat': ['gray whole'],
    'white and black dog': ['white whole', 'black whole'],
    'the one black bus': ['black whole'],
    'the traffic light that is green': ['green whole'],
    'a black car that is not moving': ['black whole'],
    'the car that is not black': ['not black whole'],
    'the man in red': ['red upper'],
    'person wearing a hat and a white top': ['white upper'],
    'person not wearing a blue T-shirt': ['not blue upper'],
    'the girl in black trousers': ['black lower'],
    'the red bottle near the green one': ['red whole'],
    # of another thing, or itself a thing
    'the dog next to the red car': [],
    'the person with black hair': [],
    'woman wearing a black hat': [],
    'an orange': [],
    'two oranges': [],
    'dog': [],
}


@pytest.mark.parametrize('text', TERMS)
def test_colours_of_the_thing_itself(text):
    assert [f'{"not " * term.negated}{term.colour} {term.part}' for term in colour_terms(text)] == TERMS[text]


@pytest.mark.parametrize(('text', 'thing'), [('the red car', 'car'), ('man in a white shirt', 'man'),
                                             ('person in orange', 'person'), ('an orange', 'an orange'),
                                             ('the dog next to the red car', 'the dog next to the red car')])
def test_what_has_the_colours(text, thing):
    assert without_colours(text) == thing


@given(st.text())
def test_any_text_can_be_asked(text):
    assert all(term.colour in COLOURS for term in colour_terms(text))
    assert colour_terms(text) or without_colours(text) == text
