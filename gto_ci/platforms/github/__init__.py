"""GitHub. Nothing outside this package knows its variables, files and payloads.

:mod:`inputs`, :mod:`event`, :mod:`log`, :mod:`outputs` and :mod:`comments` know one thing each;
:class:`~gto_ci.platforms.github.runner.GitHub` is what the action speaks to.
"""
