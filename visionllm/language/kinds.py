"""Kinds of things and their members, to teach and to test which names belong to a class such as ``animal``.

Compiled by hand, and checked against the hypernyms of WordNet 3.0 (Princeton University). The kinds include the
supercategories of COCO. Three of them are held out for tests, and so are kinds that no training list names.
"""

from collections import defaultdict
from functools import cache

from . import kind_lists

TAUGHT_SUPERCATEGORIES = ('person', 'outdoor', 'animal', 'accessory', 'sports', 'kitchen', 'furniture', 'electronic',
                          'indoor')
HELD_OUT_SUPERCATEGORIES = ('vehicle', 'food', 'appliance')


def parse_entries(text: str) -> dict[str, tuple[str, ...]]:
    """Members by kind, of text like that of ``kind_lists``."""
    entries = (' '.join(entry.split()).split(': ') for entry in text.split('.')[:-1])
    return {kind: tuple(members.split(', ')) for kind, members in entries}


def invert(*lists: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """For each member its kinds, over all lists."""
    kinds = defaultdict(list)
    for kind, members in (entry for each in lists for entry in each.items()):
        for member in members:
            kinds[member].append(kind)
    return {member: tuple(dict.fromkeys(found)) for member, found in kinds.items()}


KINDS, _NARROWER = parse_entries(kind_lists.TRAIN_KINDS), parse_entries(kind_lists.TRAIN_NARROWER)
TEST_KINDS, _TEST_NARROWER = parse_entries(kind_lists.TEST_KINDS), parse_entries(kind_lists.TEST_NARROWER)
PARENTS = invert(_NARROWER)  # kind -> wider kinds
_WIDER = invert(KINDS, _NARROWER)
_TEST_WIDER = invert(KINDS, _NARROWER, TEST_KINDS, _TEST_NARROWER)


@cache
def kinds_of(name: str, held_out: bool = False) -> frozenset[str]:
    """All kinds of a name, through wider kinds of kinds; empty for an unknown name.

    Args:
        held_out: Include ``TEST_KINDS``; for tests only.
    """
    wider = _TEST_WIDER if held_out else _WIDER
    found, pending = set(), [name]
    while pending:
        new = set(wider.get(pending.pop(), ())) - found
        found |= new
        pending += new
    return frozenset(found)


_MEMBERS = invert({name: tuple(kinds_of(name, held_out=True)) for name in _TEST_WIDER})
_TRAIN_MEMBERS = invert({name: tuple(kinds_of(name)) for name in _WIDER})


def members_of(kind: str) -> tuple[str, ...]:
    """All members of a kind of ``KINDS`` or ``TEST_KINDS``, with narrower kinds and their members."""
    return (_TRAIN_MEMBERS if kind in KINDS else _MEMBERS)[kind]


@cache
def related_kinds(name: str) -> frozenset[str]:
    """Training kinds that share two or more members with the narrowest kinds of a name, or with the name as a kind.

    As no list is complete, a name may belong to one of these unlisted: a robin is a ``wild animal`` too.
    """
    kinds = kinds_of(name) | ({name} & KINDS.keys())
    narrowest = kinds - {wider for kind in kinds for wider in kinds_of(kind) - {kind}}
    members = [set(members_of(kind)) for kind in narrowest]
    return frozenset(kind for kind in KINDS if any(len(those.intersection(members_of(kind))) > 1 for those in members))
