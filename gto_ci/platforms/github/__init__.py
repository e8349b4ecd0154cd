"""GitHub. Only this package knows GitHub's variables, files and payloads.

:mod:`inputs`, :mod:`event`, :mod:`log`, :mod:`files`, :mod:`comments` and :mod:`permissions` handle one aspect
each. :class:`~gto_ci.platforms.github.runner.GitHub` implements the interface that the action uses.
"""
