"""The patch repository, which stores ghosts as branches.

It is never cloned. A command lists branches by the beginning of their names, and fetches (without history), pushes or
deletes single branches. So the traffic is about the size of these branches, over HTTP and on this machine. Over SSH,
git also has the names of all branches sent.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from gto_ci.core.errors import GhostRefused, GitError, PushRefused, Remedies, quote
from gto_ci.git.output import allows_filters, parse_symref_listing
from gto_ci.git.process import Watch
from gto_ci.git.remotes import protocol_v2
from gto_ci.git.remotes.address import Address
from gto_ci.git.remotes.credentials import header_secrets
from gto_ci.git.remotes.network_retries import NetworkRemedies, retrying
from gto_ci.git.remotes.push import PushReport, RefUpdate, is_done, read_report
from gto_ci.git.remotes.settings import trust, trust_settings
from gto_ci.git.repository import Repository
from gto_ci.git.scratch_area import ScratchArea, ScratchRepository

PATCHES = NetworkRemedies(
    Remedies.CHECK_PATCH_LOGIN,
    Remedies.CHECK_PATCH_REPOSITORY,
    Remedies.TRUST_PATCH_HOST,
    Remedies.FOLLOW_PATCH_REPOSITORY,
)
BATCH = 500  # the most refs that one push deletes
_FETCH = ("--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--depth=1")
_EXISTS = re.compile(r"already exists|stale info|non-fast-forward|fetch first|failed to update ref|cannot lock ref")
# Git reads objects of up to 32 MB into memory, and streams larger ones to disk.
_CAREFUL = (
    ("core.bigFileThreshold", "32m"),
    ("fetch.unpackLimit", "1"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
)


class TreeEntry(NamedTuple):
    """One entry of a branch's tree."""

    mode: str
    name: str
    oid: str


class PatchRepository:
    """The patch repository at ``address``. Its branches are fetched into a scratch repository in ``scratch_area``.

    ``settings`` are the settings of the source repository that say how to reach URLs. ``watch`` is called with git's
    progress messages.
    """

    def __init__(
        self,
        scratch_area: ScratchArea,
        address: Address,
        settings: Sequence[tuple[str, str]] = (),
        watch: Watch | None = None,
    ) -> None:
        self.address = address
        self._watch = watch
        self._scratch_area = scratch_area
        self._config = (*settings, *_CAREFUL, *address.config, ("remote.origin.url", address.url))
        folder = address.folder
        self._trust = trust(folder, scratch_area.folder) if folder is not None else ""
        if self._trust:
            self._config = (*self._config, ("remote.origin.uploadpack", f"git {self._trust} upload-pack"))
        self._filters = False
        self._lay_out("sha1")

    def _lay_out(self, object_format: str) -> None:
        self._format = object_format
        self._without_content = False
        self.scratch = self._scratch_area.separate("patches", object_format)
        # `git remote get-url` knows only remotes in this file; the URL is in no file
        with (self.scratch.root / "config").open("a", encoding="ascii") as config:
            config.write('[remote "origin"]\n\tmirror = false\n')
        headers = [value for key, value in self._config if key.endswith(".extraheader")]
        secrets = [*self.address.secrets, *(secret for header in headers for secret in header_secrets(header))]
        runner = self.scratch.git.runner.with_config(*self._config, secrets=[one for one in secrets if one])
        self._git = Repository(self.scratch.root, runner)

    def list(self, prefixes: Sequence[str]) -> dict[str, str]:
        """Return the ids of the refs whose names begin with one of ``prefixes``, by name.

        Raises:
            GitError: the patch repository cannot be reached.
        """
        found = retrying(lambda: self._list(prefixes), PATCHES)
        self._filters = found.filters
        if found.object_format != self._format:
            self._lay_out(found.object_format)
        return found.refs

    def fetch(self, refs: Mapping[str, str], *, limit: int, content: bool = True) -> None:
        """Fetch branches (name: id) without their history; without ``content``, only their commits.

        Files larger than ``limit`` bytes are not fetched, if the server can leave them out.

        Raises:
            GitError: the patch repository cannot be reached, or a branch does not exist any more.
        """
        if content and self._without_content:  # git fetches nothing if it has the commit
            self._lay_out(self._format)
        self._without_content = not content
        options = [f"--filter={f'blob:limit={limit + 1}' if content else 'tree:0'}"] if self._filters else []
        names = "".join(f"{oid}:{ref}\n" for ref, oid in refs.items()).encode()
        command = ["fetch", "--progress" if self._watch else "--quiet", *_FETCH, *options, "--stdin", "--", "origin"]
        retrying(lambda: self._converse(*command, stdin=names, watch=self._watch), PATCHES)

    def make_branch(self, files: Mapping[str, bytes], message: str, user: Mapping[str, str]) -> str:
        """Write a commit without parents that contains ``files`` into the scratch repository, and return its id.

        ``user`` has the settings ``user.name`` and ``user.email``, which git's environment variables override.

        Raises:
            GitError: git refuses such a name, or cannot write.
        """
        git = self.scratch.git
        entries = ""
        for name, data in sorted(files.items()):
            blob = git.git("hash-object", "-w", "-t", "blob", "--no-filters", "--stdin", stdin=data).decode().strip()
            entries += f"100644 blob {blob}\t{name}\0"
        tree = git.git("mktree", "-z", stdin=entries.encode()).decode().strip()
        who = git.runner.with_config(*user.items(), ("i18n.commitEncoding", "UTF-8"))
        said = message.encode(errors="surrogateescape")
        return who.run(["commit-tree", "-F", "-", tree], git.root, stdin=said).decode().strip()

    def create(self, refs: Mapping[str, str]) -> None:
        """Create branches (name: id of a commit in the scratch repository), all or none.

        Raises:
            PushRefused: the patch repository refuses the push; ``taken`` are the branches that exist already.
            GitError: it cannot be reached.
        """
        self._update([RefUpdate(ref, "", oid) for ref, oid in refs.items()])

    def delete(self, refs: Mapping[str, str]) -> None:
        """Delete branches (name: present id), all or none.

        Raises:
            PushRefused: the patch repository refuses the deletion, or a branch has changed.
            GitError: it cannot be reached.
        """
        self._update([RefUpdate(ref, oid, "") for ref, oid in refs.items()])

    def size(self, names: Sequence[str]) -> int | None:
        """Return the total size in bytes of the objects called ``names`` (``COMMIT:PATH``) that exist.

        Returns None if the patch repository is on another machine: then it takes a fetch to know.
        """
        folder = self.address.folder
        if folder is None:
            return None
        runner = self._git.runner.with_config(*trust_settings(folder))
        asked = "".join(f"{name}\n" for name in names).encode()
        listed = runner.run(["cat-file", "--batch-check=%(objectsize)"], folder, stdin=asked)
        return sum(int(line) for line in listed.decode(errors="replace").splitlines() if line.isdigit())

    def _list(self, prefixes: Sequence[str]) -> protocol_v2.RefListing:
        folder, runner = self.address.folder, self._git.runner
        if folder is not None or (self.address.over_http and not self._leads_elsewhere()):
            # an older server, or one that refuses us: git finds out which, and reports it
            with suppress(GitError):
                return protocol_v2.list_refs(runner, self._git.root, self.address.url, folder, prefixes)
        trace = self._scratch_area.file("trace")
        trace.unlink(missing_ok=True)  # in our own scratch folder
        patterns = [f"{prefix}*" for prefix in prefixes]
        listed = self._converse("ls-remote", "--", "origin", *patterns, GIT_TRACE_PACKET=str(trace))
        said = trace.read_text(encoding="utf-8", errors="replace") if trace.exists() else ""
        refs = {ref: oid for ref, oid in parse_symref_listing(listed)[0].items() if ref.startswith(tuple(prefixes))}
        told = re.search(r"\bobject-format=(sha1|sha256)\b", said)
        return protocol_v2.RefListing(refs, told[1] if told else "sha1", allows_filters(said))

    def _leads_elsewhere(self, *options: str) -> bool:
        """Tell whether the user's settings replace the URL by another one."""
        found = self._git.git("remote", "get-url", *options, "origin").decode(errors="surrogateescape")
        return found.strip() != self.address.url

    def _update(self, updates: Sequence[RefUpdate]) -> None:
        try:
            report = retrying(lambda: self._update_once(updates), PATCHES)
        except GitError as error:
            report = read_report(error)
        if not report.rejections:
            return
        there = self.list([update.ref for update in updates])
        if is_done(updates, there):
            return
        taken = [update.ref for update in updates if there.get(update.ref, "") not in ("", update.old)]
        text = report.text or "it gives no reason"
        raise PushRefused(
            f"The patch repository {self.address.shown} refused: {quote(text, 400)[1:-1]}",
            "Nothing was changed; ask its owner for permission",
            taken,
            raced=bool(taken) and all(_EXISTS.search(reason) for reason in report.causes.values()),
        )

    def _update_once(self, updates: Sequence[RefUpdate]) -> PushReport:
        if self.address.over_http and not self._leads_elsewhere("--push"):
            from gto_ci.git.remotes.receive_pack import update_refs  # late: Python's HTTP modules are large

            new = "".join(f"{update.new}\n" for update in updates if update.new).encode()
            pack = self._git.git("pack-objects", "-q", "--revs", "--stdout", stdin=new) if new else b""
            report = update_refs(
                self._git.runner, self._git.root, self.address.url, updates, pack, self._format, self._watch
            )
            if report is not None:
                return report
        self._push(updates)
        return PushReport({}, ())

    def _push(self, updates: Sequence[RefUpdate]) -> None:
        options = ["--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--no-verify"]
        if len(updates) > 1:
            options.append("--atomic")
        options += [f"--force-with-lease={ref}:{old}" for ref, old, _ in updates]
        if self.address.folder is not None:
            # a server does not list hidden refs, so we hide all branches but those to update. It first stores what it
            # receives separately, and lists all its refs for that store too: a ghost needs none of them
            shown = " ".join(f"-c receive.hideRefs={shlex.quote(f'!{ref}')}" for ref, _, _ in updates)
            settings = f"-c receive.hideRefs=refs/heads {shown} -c core.alternateRefsPrefixes=refs/none/"
            options.append(f"--receive-pack=git {self._trust} {settings} receive-pack")
        if self._watch:
            options.append("--progress")
        refspecs = (f"{new}:{ref}" for ref, _, new in updates)
        # On this machine, the receiving process is a child of ours: if it were killed with us, its refs would stay
        # locked. For other machines, git may have to ask for a passphrase, and needs our terminal for that.
        detached = self.address.folder is not None
        self._converse("push", *options, "--", "origin", *refspecs, watch=self._watch, detached=detached)

    def _converse(
        self,
        *args: str,
        stdin: bytes | None = None,
        watch: Watch | None = None,
        detached: bool = False,
        **environ: str,
    ) -> bytes:
        runner = self._git.runner.patient()
        timeout = runner.network_timeout
        return runner.run(
            args, self._git.root, stdin=stdin, timeout=timeout, environ=environ, detached=detached, watch=watch
        )


def read_branch(scratch: ScratchRepository, ref: str) -> tuple[bytes, list[TreeEntry]]:
    """Return the raw commit of a fetched branch, and the entries of its tree.

    Raises:
        GhostRefused: the branch is not a commit.
    """
    commit, tree = scratch.neutral.objects([ref, f"{ref}^{{tree}}"])
    if commit is None or commit.kind != "commit" or tree is None or tree.kind != "tree":
        raise GhostRefused("its branch is not a commit")
    return commit.data, _entries(tree.data, len(commit.oid) // 2)


def blob_sizes(scratch: ScratchRepository, ref: str, oids: Sequence[str]) -> list[int | None]:
    """Return the sizes of blobs in the branch ``ref``; None for each that was too large to fetch, or is not a blob.

    Raises:
        GitError: git cannot read the scratch repository.
    """
    listed = scratch.neutral.git("rev-list", "--objects", "--missing=print", "--end-of-options", ref)
    missing = {line[1:] for line in listed.decode(errors="replace").splitlines() if line.startswith("?")}
    here = "".join(f"{oid}\n" for oid in oids if oid not in missing).encode()
    checked = scratch.neutral.git("cat-file", "--batch-check", stdin=here).decode().splitlines()
    sizes = {words[0]: int(words[2]) for words in map(str.split, checked) if len(words) == 3 and words[1] == "blob"}
    return [sizes.get(oid) for oid in oids]


def _entries(tree: bytes, width: int) -> list[TreeEntry]:
    """Parse a raw tree object. An entry is its mode, a space, its name, a NUL, and its id in bytes."""
    entries: list[TreeEntry] = []
    at = 0
    while at < len(tree):
        space, end = tree.index(b" ", at), tree.index(b"\0", at)
        oid = tree[end + 1 : end + 1 + width].hex()
        entries.append(TreeEntry(tree[at:space].decode(), tree[space + 1 : end].decode(errors="surrogateescape"), oid))
        at = end + 1 + width
    return entries
