"""Present the registry. Pure: values in, dictionaries and text out.

:mod:`views` makes the dictionaries of GTO's JSON, :mod:`table` the tables, :mod:`page` the summaries and comments.
"""
