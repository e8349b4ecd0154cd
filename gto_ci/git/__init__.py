"""The only package that runs git.

:mod:`process` starts git and turns failures into :class:`~gto_ci.errors.GitError`. :mod:`output` reads git's output
and is pure. :mod:`repository` has one method per question. :mod:`remotes` speaks to another repository, and
:mod:`worktree` changes the user's files, wholly or not at all.
"""

from gto_ci.git.process import Runner
from gto_ci.git.repository import Repository

__all__ = ["Repository", "Runner"]
