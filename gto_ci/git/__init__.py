"""The only package that runs git.

:mod:`process` starts git and turns failures into :class:`~gto_ci.errors.GitError`. :mod:`output` parses git's output
without running git. :mod:`repository` has one method per question. :mod:`remotes` talks to other repositories, and
:mod:`worktree` changes the user's files: completely, or not at all.
"""

from gto_ci.git.process import Runner
from gto_ci.git.repository import Repository

__all__ = ["Repository", "Runner"]
