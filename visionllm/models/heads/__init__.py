from .format_query import FormatQueryHead
from .next_token import NextTokenHead
from .own_places import OwnPlacesHead

__all__ = ['FormatQueryHead', 'NextTokenHead', 'OwnPlacesHead']
