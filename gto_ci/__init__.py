"""Use a Git repository as an artifact registry, through its tags.

Programs: ``gto`` (the registry on the command line), ``git-ghost`` (uncommitted changes), ``gto-ci``
(everything), and the GitHub action. Scripts import :mod:`gto_ci.api`.
"""

__version__ = "0.1.0"
