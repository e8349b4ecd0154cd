"""A Git repository as an artifact registry, through its tags.

Programs: ``gto`` (the registry at a prompt), ``git-ghost`` (uncommitted changes), ``gto-ci``
(everything), and the GitHub action. Scripts import :mod:`gto_ci.api`.
"""

__version__ = "0.1.0"
