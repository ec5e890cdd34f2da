from .format_query import FormatQueryHead
from .next_token import NextTokenHead
from .own_places import OwnPlacesHead
from .token_by_token import TokenByTokenHead

__all__ = ['FormatQueryHead', 'NextTokenHead', 'OwnPlacesHead', 'TokenByTokenHead']
