from itertools import chain

import pytest
from mmdet.datasets import CocoDataset

from visionllm.language.kinds import (
    HELD_OUT_SUPERCATEGORIES,
    KINDS,
    PARENTS,
    TEST_KINDS,
    kinds_of,
    members_of,
    related_kinds,
)
from visionllm.language.synonyms import SYNONYMS, TEST_SYNONYMS, VOC_SYNONYMS

COCO = dict(
    person='person',
    vehicle='bicycle, car, motorcycle, airplane, bus, train, truck, boat',
    outdoor='traffic light, fire hydrant, stop sign, parking meter, bench',
    animal='bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe',
    accessory='backpack, umbrella, handbag, tie, suitcase',
    sports='frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, '
    'tennis racket',
    kitchen='bottle, wine glass, cup, fork, knife, spoon, bowl',
    food='banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake',
    furniture='chair, couch, potted plant, bed, dining table, toilet',
    electronic='tv, laptop, mouse, remote, keyboard, cell phone',
    appliance='microwave, oven, toaster, sink, refrigerator',
    indoor='book, clock, vase, scissors, teddy bear, hair drier, toothbrush')
TRAIN_SYNONYMS = set(chain(*SYNONYMS))
TRAIN_NAMES = {*KINDS, *chain(*KINDS.values()), *PARENTS, *chain(*PARENTS.values()), *TRAIN_SYNONYMS}
NEW_KINDS = TEST_KINDS.keys() - set(HELD_OUT_SUPERCATEGORIES)


def test_no_held_out_kind_is_trained_on():
    assert set(HELD_OUT_SUPERCATEGORIES) < TEST_KINDS.keys()
    assert not TRAIN_NAMES & TEST_KINDS.keys()
    assert not {*chain(*KINDS.values())} & {name for kind in NEW_KINDS for name in TEST_KINDS[kind]}


def test_no_held_out_synonym_is_trained_on():
    assert not TRAIN_SYNONYMS & set(chain(*TEST_SYNONYMS))
    assert not TRAIN_SYNONYMS & VOC_SYNONYMS.keys()
    named = {*KINDS, *chain(*KINDS.values())}
    assert all(len(named.intersection(group)) <= 1 for group in TEST_SYNONYMS)


@pytest.mark.parametrize('spelling', [*VOC_SYNONYMS.values(), 'tv monitor'])
def test_no_voc_spelling_is_trained_on(spelling):
    assert not [name for name in TRAIN_NAMES if spelling in name]


def test_coco_names_are_under_their_supercategories():
    kinds = {**KINDS, **TEST_KINDS}
    coco = {kind: names.split(', ') for kind, names in COCO.items()}
    assert set(chain(*coco.values())) == set(CocoDataset.METAINFO['classes'])
    assert all(set(names) <= set(kinds[kind]) for kind, names in coco.items())


def test_names_are_distinct_and_lower_case():
    kinds = {**KINDS, **TEST_KINDS}
    assert len(kinds) == len(KINDS) + len(TEST_KINDS)
    assert all(len(members) == len(set(members)) and 8 <= len(members) <= 40 for members in kinds.values())
    groups = [*SYNONYMS, *TEST_SYNONYMS]
    assert len(set(chain(*groups))) == len([*chain(*groups)]) and all(len(group) > 1 for group in groups)
    for name in {*kinds, *chain(*kinds.values()), *chain(*groups)}:
        assert name and name == name.strip().lower() and '"' not in name and '  ' not in name


def test_kinds_are_followed_to_wider_kinds():
    assert kinds_of('beagle') == {'dog', 'mammal', 'pet', 'animal'}
    assert kinds_of('zebra') == {'hoofed animal', 'mammal', 'wild animal', 'animal'}
    assert kinds_of('bird') == {'animal'}
    assert kinds_of('unheard-of') == frozenset()
    assert kinds_of('ferry') == {'boat', 'watercraft'}
    assert kinds_of('ferry', held_out=True) == {'boat', 'watercraft', 'vehicle'}


def test_kinds_and_members_agree():
    assert {*PARENTS, *chain(*PARENTS.values())} <= KINDS.keys()
    for kind, members in KINDS.items():
        assert set(members) <= set(members_of(kind)) and len(members_of(kind)) == len(set(members_of(kind)))
        assert all({kind} | kinds_of(kind) <= kinds_of(name) for name in members_of(kind))
    assert not any(kind in kinds_of(kind) for kind in KINDS if kind != 'person')  # COCO: a person is a person
    assert 'steam train' in members_of('vehicle') and 'lychee' in members_of('food')


def test_synonyms_are_of_the_same_kinds():
    for group in SYNONYMS:
        assert len({kinds_of(name) for name in group if kinds_of(name)}) <= 1, group


def test_related_kinds():
    assert 'wild animal' in related_kinds('robin') and 'tool' not in related_kinds('robin')
    assert 'fish' not in related_kinds('robin')
    assert all(kinds_of(name) - {'animal', 'mammal'} <= related_kinds(name) for name in ('robin', 'cup', 'ferry'))
