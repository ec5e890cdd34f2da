"""English noun phrases for generated sentences."""

IRREGULAR = dict(person='people', knife='knives', sheep='sheep', mouse='mice', skis='skis', scissors='scissors')
NUMBERS = ('no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight')


def article(noun_phrase: str) -> str:
    """A noun phrase with its indefinite article: ``a red star``."""
    return f'{"an" if noun_phrase[0] in "aeiou" else "a"} {noun_phrase}'


def plural(noun: str) -> str:
    """Plural of a noun phrase: ``crosses``, ``baseball bats``, ``cherries``."""
    *first, last = noun.split(' ')
    return ' '.join([*first, IRREGULAR.get(last) or _regular_plural(last)])


def _regular_plural(noun: str) -> str:
    if noun.endswith('y') and noun[-2:-1] not in 'aeiou':
        return f'{noun[:-1]}ies'
    return noun + ('es' if noun.endswith(('s', 'x', 'sh', 'ch')) else 's')


def counted(count: int, noun: str) -> str:
    """A number and a noun: ``three red stars``; the article instead of one."""
    return article(noun) if count == 1 else f'{NUMBERS[count]} {plural(noun)}'


def join_with_and(parts: list[str]) -> str:
    """An enumeration: ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f'{", ".join(parts[:-1])} and {parts[-1]}'
