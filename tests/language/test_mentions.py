import pytest

from visionllm.language.mentions import mention_positions

CAPTION = 'A picture of a blue ring, two red rings and three crosses.'


@pytest.mark.parametrize(('name', 'place'), [
    ('small blue metal ring', 5), ('large red plain ring', 8), ('cross', 11), ('green star', 12), ('picture', 1)])
def test_the_word_that_speaks_of_a_thing(name, place):
    assert mention_positions([name], CAPTION) == [place]


def test_nothing_said_mentions_nothing():
    assert mention_positions(['dog', 'dining table'], '') == [0, 0]
