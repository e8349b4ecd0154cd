"""Room: the only one that knows GitHub.

:mod:`inputs` and :mod:`event` say what is asked and what happened; :mod:`log`, :mod:`outputs`
and :mod:`summary` answer. Another platform would be a room beside this one.
"""
