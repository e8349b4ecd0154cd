"""`pull: true` in the real image: DVC itself, installed when it is first needed, and a remote in a folder."""

from __future__ import annotations

import hashlib

from tests.e2e import events
from tests.e2e.conftest import TOKEN, Lab
from tests.e2e.runner import OWNER, shell, step

DATA = b"weights\n" * 1000


def test_the_artifacts_data_is_there_for_later_steps(lab: Lab) -> None:
    """One job: pull, read as the workspace's owner, and ask for what nothing annotates.

    That a later step finds DVC installed is seen in `tests/stress/test_dvc.py`: act has no folder for temporary files
    that steps share.
    """
    digest = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    files = {
        "artifacts.yaml": "churn: {type: model, path: models/churn.pkl}\n",
        "models/churn.pkl.dvc": f"outs:\n- md5: {digest}\n  size: {len(DATA)}\n  hash: md5\n  path: churn.pkl\n",
        ".dvc/config": "[core]\n    remote = store\n['remote \"store\"']\n    url = ../.store\n",
        ".gitignore": "/.store\n",
    }
    lab.remote.commit("Train", files)
    lab.remote.tag("churn@v1.0.0")
    lab.remote.tag("other@v1.0.0")
    trigger = events.push(lab.remote, "churn@v1.0.0")
    folder = lab.check_out(trigger.ref, trigger.sha)
    stored = folder / f".store/files/md5/{digest[:2]}/{digest[2:]}"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(DATA)

    run = lab.run(
        trigger,
        step("gto", {"pull": "true"}),
        shell("use", 'stat -c "%u" models models/churn.pkl; wc -c <models/churn.pkl'),
        step("unknown", {"pull": "true", "ref": "other@v1.0.0"}, **{"continue-on-error": True}),
    )

    assert run.succeeded, run.log
    assert run["use"].printed == [str(OWNER), str(OWNER), str(len(DATA))]
    assert "Pulled" in run["gto"].summary
    assert "8.0 kB in 1 file" in run["gto"].summary
    (error,) = run["unknown"].issued("error")
    assert "'other' has no annotation at commit" in error
    assert run["unknown"].outputs == {}
    assert (run.workspace / "models/churn.pkl").read_bytes() == DATA
    owners = {path.lstat().st_uid for path in run.workspace.rglob("*")}
    assert owners == {OWNER}
    assert TOKEN not in run.log
