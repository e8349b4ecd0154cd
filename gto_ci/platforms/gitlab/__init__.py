"""GitLab. Only this package knows GitLab's variables, files and log.

:mod:`event`, :mod:`log` and :mod:`files` handle one aspect each.
:class:`~gto_ci.platforms.gitlab.runner.GitLab` implements the interface that the action uses.
"""
