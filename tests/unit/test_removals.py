"""Every function that removes or overwrites something is listed with the reason why it may.

A place that is new, or gone, fails here until the list below says the same as the code. Nothing may be removed
because of how it is called: a name says nothing of whose a file, a folder, a ref or a process is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

# Methods and functions that remove or overwrite a file or a folder, …
FILES = {"rmtree", "unlink", "rmdir", "rename", "renames", "remove", "removedirs", "move", "truncate", "O_TRUNC"}
WRITES = {"write_text", "write_bytes", "copy", "copy2", "copyfile", "copytree"}
# … and the commands of git that remove or overwrite refs, working trees, files of the user's, or objects.
COMMANDS = {
    *("branch", "checkout", "clean", "gc", "merge", "prune", "push", "read-tree", "reflog", "repack", "reset"),
    *("restore", "rm", "stash", "symbolic-ref", "tag", "update-ref", "worktree", "am", "switch", "rebase"),
}

SCRATCH = "in a scratch folder that this process has made"
REASONS = {
    # scratch folders
    "git/scratch_folders.py:_own_area": "an empty folder that was made a moment ago, and could not be marked",
    "git/scratch_folders.py:_write_mark": "the mark that it has made itself, and could not write",
    "git/scratch_folders.py:_remove": "a scratch folder: the same device and inode as were made, or as the mark says",
    "git/scratch_folders.py:_remove_empty_area": "the folder around scratch folders: its mark fits, and it is empty",
    "git/scratch_layout.py:lay_out": SCRATCH,
    "git/scratch_area.py:ScratchArea._scratch": SCRATCH,
    "git/worktree/sandbox.py:Sandbox.copy_index": SCRATCH,
    "git/worktree/apply.py:apply_to_tree": SCRATCH,
    "git/worktree/apply.py:_written": SCRATCH,
    "git/worktree/commit_transfer.py:replay": SCRATCH,
    "git/remotes/patch_repository.py:PatchRepository._list": SCRATCH,
    "git/remotes/mirror.py:RemoteMirror._fetch_once": SCRATCH,
    "git/remotes/url_repository.py:UrlRepository._bring_head": SCRATCH,
    "git/remotes/policy_evidence.py:EvidenceSource.signatures": SCRATCH,
    "git/remotes/ssh_agent.py:ssh_key": SCRATCH,
    "git/write_tags.py:_signed": SCRATCH,
    # a pull that fails
    "git/worktree/backup.py:Backup.restore": "files that hold what git has written for us, and new empty folders",
    "git/worktree/backup.py:_put_back": "the index as git has written it for us, under git's own lock",
    "git/worktree/backup.py:_copy": "to a path at which nothing is, or a lock file of ours",
    "git/worktree/apply.py:write_tree": "asked for: files that are as HEAD has them; git looks once more",
    "git/worktree/apply.py:_go_back": "HEAD, while it is at the commit to which we moved it",
    # linked worktrees
    "git/worktree/linked_worktrees.py:add_worktree": "a folder that was empty, or not there",
    "git/worktree/linked_worktrees.py:remove_worktree": "asked for, and of ours by its record",
    # refs
    "git/write_tags.py:prepared": "asked for: each tag with the object that it must have",
    "git/remotes/push.py:_push": "asked for: refs with the objects that they must have, new ones, a branch forward",
    "git/worktree/file_commit.py:make_visible": "asked for: HEAD goes forward, and git overwrites no change",
    "git/worktree/file_commit.py:fast_forward": "asked for: HEAD goes forward, and git overwrites no change",
    "git/worktree/file_commit.py:read_head": "reads",
    "git/remotes/mirror.py:RemoteMirror.restore_tag": "a tag that is missing, or lightweight at the same commit",
    "git/remotes/patch_repository.py:PatchRepository._push": "asked for: refs with the objects that they must have",
    # files that people write
    "api/files.py:replace": "a file of a random name that it has made",
    "api/files.py:put_in_place": "asked for: the file holds what was read before",
    "api/files.py:write_beside": "a file of a random name that it has made",
    "api/init.py:_write": "files of random names that it has made",
    "api/init.py:_remove_empty": "an empty folder that it has made",
    "api/init.py:_put_back": "a file that holds what was written here",
    # what a job gives to later ones
    "platforms/github/files.py:append": "what was written here, behind which nobody has written",
    "platforms/gitlab/files.py:write": "outputs of ours by their manifest, and files of random names that it has made",
    "platforms/gitlab/files.py:_discard": "outputs of ours by their manifest",
    "platforms/gitlab/runner.py:GitLab._remember": "a record of this very job, not through a link",
    # DVC, and setup/
    "dvc/run_as_owner.py:_new_folder": "a folder that it has made, by its device and inode",
    "dvc/install.py:_make": "a folder that it has made takes a name that is free",
    "setup/install.py:install": "in the new folder that it installs into",
}


def test_each_place_is_known_with_a_reason() -> None:
    found = {place for file in sources() for place in removals(file)}
    assert found == set(REASONS)


@pytest.mark.parametrize(
    "line",
    [
        "shutil.rmtree(folder)",
        "undo.callback(file.unlink)",
        "one.replace(other)",
        "os.replace(one, other)",
        "repository.git('worktree', 'prune')",
        "os.open(file, os.O_WRONLY | os.O_TRUNC)",
        "file.open('w')",
        "open(file, mode='wb')",
        "file.write_text('')",
    ],
)
def test_it_would_be_seen(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"def f():\n    {line}\n")
    assert list(removals(tmp_path / "a.py", tmp_path)) == ["a.py:f"]


def sources() -> Iterator[Path]:
    yield from (PROJECT / "gto_ci").rglob("*.py")
    yield PROJECT / "setup/install.py"


def removals(file: Path, above: Path = PROJECT) -> Iterator[str]:
    """The functions in `file` that remove or overwrite something, as `FILE:FUNCTION`."""
    name = file.relative_to(above).as_posix().removeprefix("gto_ci/")
    for function, body in functions(ast.parse(file.read_text()), ""):
        if any(is_removal(node) or is_command(node) for node in body):
            yield f"{name}:{function}"


def functions(tree: ast.AST, path: str) -> Iterator[tuple[str, list[ast.AST]]]:
    """Each function with the nodes in it; those of functions inside of it are its own."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from functions(node, f"{path}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield f"{path}{node.name}", list(ast.walk(node))


def is_removal(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in FILES | WRITES and not is_list(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "replace":
        # a path has one argument, and a text two
        return (len(node.args) == 1 and not node.keywords) or getattr(node.func.value, "id", "") == "os"
    return isinstance(node, ast.Call) and opens_for_writing(node)


def is_command(node: ast.AST) -> bool:
    """Whether it is a command of git: what a list begins with, or the arguments of a call that has several."""
    words = node.elts if isinstance(node, ast.List) else node.args[:2] if isinstance(node, ast.Call) else []
    first = next((word.value for word in words if isinstance(word, ast.Constant)), None)
    return first in COMMANDS and (isinstance(node, ast.List) or len(node.args) > 1)


def opens_for_writing(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    values = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
    modes = [one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return name in ("open", "fdopen") and any(set(mode) <= set("wb+t") and "w" in mode for mode in modes)


def is_list(node: ast.Attribute) -> bool:
    """`words.remove(word)` takes something out of a list or a set; none of ours is called as a file would be."""
    return node.attr in ("remove", "copy") and getattr(node.value, "id", "") not in ("os", "shutil")
