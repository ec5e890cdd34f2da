import pytest

from visionllm.language.mentions import NameForms, mention_positions

CAPTION = 'A picture of a blue ring, two red rings and three crosses.'


@pytest.mark.parametrize(('name', 'place'), [
    ('small blue metal ring', 5), ('large red plain ring', 8), ('cross', 11), ('green star', 12), ('picture', 1)])
def test_the_word_that_speaks_of_a_thing(name, place):
    assert mention_positions([name], CAPTION) == [place]


def test_nothing_said_mentions_nothing():
    assert mention_positions(['dog', 'dining table'], '') == [0, 0]


@pytest.mark.parametrize(('text', 'found'), [
    ('two dogs beside a hot dog', ['dog', 'hot dog']), ('Guys with skis', ['person', 'skis']), ('a boxes of', ['box']),
    ('the dining room', []), ('', []), ('man, man', ['person', 'person'])])
def test_the_classes_of_a_text_in_their_order(text, found):
    forms = NameForms({'dog': ['dog'], 'hot dog': ['hot dog'], 'person': ['man', 'guy'], 'skis': ['skis'],
                       'box': ['box'], 'table': ['dining table']})
    assert list(forms.find(text.lower().replace(',', '').split())) == found
    assert forms.first(text) == (found[0] if found else None)


def test_a_form_of_two_classes_is_that_of_the_first():
    assert NameForms({'cup': ['mug', 'cup'], 'bowl': ['mug']}).first('a mug') == 'cup'
