"""GitLab. Nothing outside this package knows its variables, files and log.

:mod:`event`, :mod:`log` and :mod:`files` know one thing each; :class:`~gto_ci.platforms.gitlab.runner.GitLab` is
what the action speaks to.
"""
