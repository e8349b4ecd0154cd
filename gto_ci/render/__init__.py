"""How the registry looks. Pure: values in, dictionaries and text out.

:mod:`views` gives the shapes of GTO's JSON, :mod:`table` the tables, :mod:`markdown` the pages.
"""
