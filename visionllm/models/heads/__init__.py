from .format_query import FormatQueryHead

__all__ = ['FormatQueryHead']
