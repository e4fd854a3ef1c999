"""verify: who signed it, and whether all of it is here and as it was recorded."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import git_datmo as sdk
from git_datmo.api import artifact, location, snapshot
from git_datmo.api.verify import verify
from git_datmo.errors import EntityNotFound, SnapshotNotFound
from git_datmo.model.snapshot import Snapshot
from git_datmo.model.verification import Verdict
from tests.e2e.team import Team, large, snap
from tests.kit.checks import assert_clean, untouched
from tests.kit.content import stored
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.signatures import allow, gpg, make_ssh_key, sign_with_ssh
from tests.records.chains import Someone

ADA = "ada@example.com"


def take(repo: Repo, message: str) -> str:
    made: Snapshot = snapshot.create(location.find(repo.path), message=message)
    return str(made.id)


def judged(repo: Repo, oid: str) -> Verdict:
    with untouched(repo):
        [verdict] = verify(location.find(repo.path), [oid]).verdicts
    return verdict


def states(repo: Repo, oid: str) -> tuple[str, str]:
    verdict = judged(repo, oid)
    return verdict.signature.state, verdict.content


def loose(repo: Repo, oid: str) -> Path:
    path = repo.git_dir / "objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    return path


def noted(repo: Repo, data: bytes) -> str:
    """Store a commit's bytes and speak of it in a note, as somebody else's clone might."""
    oid = repo.git("hash-object", "-t", "commit", "-w", "--stdin", input=data)
    someone = Someone(repo)
    someone.tell({oid: someone.line(label="foreign")})
    return oid


def test_signatures_of_ssh(project: Repo, ssh_key: Path):
    project.write("train.py", "x = 1\n")
    unsigned = take(project, "no signature")
    sign_with_ssh(project, ssh_key, ADA)
    project.write("train.py", "x = 2\n")
    oid = take(project, "mine")
    found = judged(project, oid)
    assert (found.signature.state, found.signature.format) == ("good", "ssh")
    assert found.signature.signer == ADA
    assert str(found.signature.key).startswith("SHA256:")
    assert found.hint is None
    assert states(project, unsigned) == ("unsigned", "complete")
    both = [unsigned, oid]
    assert verify(location.find(project.path), both).ok
    assert not verify(location.find(project.path), both, require_signature=True).ok
    assert verify(location.find(project.path), oid, require_signature=True).ok
    # What is said of it later was not signed.
    snapshot.update(location.find(project.path), oid, message="something else")
    assert judged(project, oid).title == "mine"
    # A list without the signer, and no list at all: nobody vouches for the key.
    allow(project, make_ssh_key(ssh_key.with_name("other")), "bob@example.com")
    found = judged(project, oid)
    assert (found.signature.state, found.signature.signer) == ("unknown key", None)
    assert "allowedSignersFile" in str(found.hint)
    project.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    assert states(project, oid) == ("unknown key", "complete")
    allow(project, ssh_key, ADA)
    # A commit with the same files is another one, with a signature of its own or none.
    project.commit()
    with pytest.raises(SnapshotNotFound, match="holds the same files"):
        verify(location.find(project.path), "main")
    # The signature of one commit in another.
    data = project.git("cat-file", "commit", oid).encode() + b"\n"
    forged = noted(project, data.replace(b"mine", b"theirs"))
    assert states(project, forged) == ("bad", "complete")
    assert not verify(location.find(project.path), forged).ok
    # Nor may another object stand in for it.
    project.git("replace", forged, oid)
    assert states(project, forged) == ("bad", "complete")


def test_signatures_of_gnupg(project: Repo, gnupg: Path, monkeypatch: pytest.MonkeyPatch):
    project.git("config", "datmo.sign", "true")
    oid = take(project, "mine")
    found = judged(project, oid)
    assert (found.signature.state, found.signature.format) == ("good", "openpgp")
    assert found.signature.signer == "Ada Lovelace <ada@example.com>"
    assert len(str(found.signature.key)) == 40
    data = project.git("cat-file", "commit", oid).encode() + b"\n"
    assert states(project, noted(project, data.replace(b"mine", b"ours")))[0] == "bad"
    project.git("config", "gpg.minTrustLevel", "ultimate")
    assert states(project, oid)[0] == "good"
    listed = gpg("--list-keys", "--with-colons").splitlines()
    key = next(line.split(":")[9] for line in listed if line.startswith("fpr:"))
    gpg("--batch", "--quiet", "--quick-set-expire", key, "1y")
    (gnupg / "gpg.conf").write_text("faked-system-time 20990101T000000\n")
    assert states(project, oid)[0] == "expired"
    (gnupg / "gpg.conf").unlink()
    taken_back = (gnupg / "openpgp-revocs.d" / f"{key}.rev").read_text().replace(":-----", "-----")
    (gnupg / "back").write_text(taken_back)
    gpg("--batch", "--quiet", "--import", str(gnupg / "back"))
    assert states(project, oid)[0] == "revoked"
    empty = gnupg / "empty"
    empty.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(empty))
    found = judged(project, oid)
    assert found.signature.state == "unknown key"
    assert "gpg --import" in str(found.hint)


def test_content_of_the_store(project: Repo):
    project.write("data/big.bin", large(1))
    project.write("copy.bin", large(1))
    project.write("small.txt", "a")
    oid = take(project, "large")
    found = judged(project, oid)
    assert (found.content, found.files, found.size) == ("complete", 1, len(large(1)))
    assert found.objects >= 5
    file = stored(project)[large(1)]
    times = file.stat()
    file.chmod(0o644)
    file.write_bytes(large(1)[:-1] + b"!")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    found = judged(project, oid)
    assert found.content == "damaged"
    assert {problem.subject for problem in found.problems} == {"data/big.bin", "copy.bin"}
    assert file.exists()  # It only looks.
    file.unlink()
    found = judged(project, oid)
    assert found.content == "missing"
    assert f"git datmo pull --content REMOTE {oid[:12]}" in str(found.hint)


def test_objects_of_git(project: Repo):
    project.write("src/train.py", "x = 1\n")
    project.write("other.py", "y = 1\n")
    one = take(project, "one")
    project.write("other.py", "y = 2\n")
    two = take(project, "two")
    project.write("src/train.py", "x = 2\n")
    sound = take(project, "three")
    blob = project.git("rev-parse", f"{one}:src/train.py")
    kept = loose(project, blob).read_bytes()
    loose(project, blob).write_bytes(loose(project, one).read_bytes())
    found = judged(project, one)
    assert (found.content, [p.subject for p in found.problems]) == ("damaged", ["src/train.py"])
    loose(project, blob).write_bytes(kept[:10])
    # What two have in common is wrong with both, and the third is none the worse.
    rows = verify(location.find(project.path), [sound, one, two]).verdicts
    assert [row.content for row in rows] == ["complete", "damaged", "damaged"]
    loose(project, blob).unlink()
    found = judged(project, two)
    assert found.content == "missing"
    assert f"the git blob {blob} is not here" in found.problems[0].message
    assert "git datmo fetch" in str(found.hint)
    loose(project, two).write_bytes(b"")
    assert judged(project, two).content == "damaged"


def test_a_run_is_judged_with_its_ends(project: Repo):
    project.write("train.py", "x = 1\n")
    command = ["sh", "-c", "head -c 1200000 /dev/zero >out.bin"]
    done = datmo("run", "--json", "--runner", "local", "--", *command).json()
    found = judged(project, done["id"])
    assert (found.kind, found.content, found.files) == ("run", "complete", 1)
    assert (found.id, found.commit) == (done["id"], done["commit"])
    assert found.title.startswith("head -c")
    [file] = stored(project).values()
    file.unlink()
    found = judged(project, done["id"])
    assert (found.content, found.problems[0].subject) == ("missing", "out.bin")
    # A record of one run on the snapshots of another.
    data = project.git("cat-file", "commit", done["commit"])
    parents = [line for line in data.splitlines() if line.startswith("parent ")]
    forged = noted(project, (data.replace(parents[1] + "\n", "", 1) + "\n").encode())
    [row] = verify(location.find(project.path), [forged]).verdicts
    assert row.content == "damaged"
    assert "other snapshots before and after" in row.problems[-1].message


def test_an_artifact(project: Repo, ssh_key: Path):
    sign_with_ssh(project, ssh_key, ADA)
    project.write("model.bin", large(3))
    artifact.create(location.find(project.path), name="model", paths=["model.bin"])
    found = judged(project, "model")
    assert (found.kind, found.title) == ("artifact", "default/model:v0")
    assert (found.signature.state, found.content, found.files) == ("good", "complete", 1)
    data = project.git("cat-file", "commit", found.id)
    tree = project.git("rev-parse", f"{found.id}^{{tree}}")
    listed = project.git("ls-tree", tree).splitlines()
    other = project.git("mktree", input="\n".join(listed[:1]) + "\n")
    forged = noted(project, (data.replace(tree, other) + "\n").encode())
    row = judged(project, forged)
    assert (row.signature.state, row.content) == ("bad", "damaged")
    assert "artifact.json counts 1 files" in row.problems[0].message


def test_the_command(project: Repo, ssh_key: Path):
    project.write("big.bin", large(1))
    oid = take(project, "one\x1b[31m")
    done = datmo("verify", oid[:10])
    assert f"snapshot {oid[:12]}: verified" in done.stdout
    assert "\x1b" not in done.stdout
    assert datmo("verify", oid, "--require-signature", check=False).code == 1
    rows = datmo("verify", "--json").json()
    assert (rows["verified"], [row["id"] for row in rows["verdicts"]]) == (True, [oid])
    [row] = rows["verdicts"]
    assert (row["signature"]["state"], row["content"], row["verified"]) == (
        *("unsigned", "complete"),
        True,
    )
    stored(project)[large(1)].unlink()
    done = datmo("verify", oid, check=False)
    assert (done.code, done.stderr) == (1, "")
    assert "NOT verified" in done.stdout
    assert "the content of big.bin (1100000 bytes) is not here" in done.stdout
    assert datmo("verify", "nothing", check=False).code == 3
    assert not sdk.verify(oid, home=str(project.path)).ok
    assert not sdk.verify([sdk.snapshot.inspect(oid)]).ok
    with pytest.raises(EntityNotFound):
        verify(location.find(project.path), ["nothing"])


def test_offline_in_clones_of_all_kinds(tmp_path: Path, ssh_key: Path):
    """Whoever has the key can judge what others signed; what is not here is said to be missing,
    and nobody is asked for it."""
    team = Team(tmp_path)
    maker = team.clone("maker")
    sign_with_ssh(maker, ssh_key, ADA)
    maker.write("big.bin", large(1))
    maker.write("text.txt", "words\n" * 300)
    oid = snap(maker, "shared")
    datmo("push", cwd=maker.path)
    reader = team.clone("reader")
    datmo("pull", cwd=reader.path)
    allow(reader, ssh_key, ADA)
    away = team.origin.path.rename(tmp_path / "away.git")
    assert states(reader, oid) == ("good", "missing")
    away.rename(team.origin.path)
    datmo("pull", "--content", "origin", oid, cwd=reader.path)
    assert states(reader, oid) == ("good", "complete")
    assert_clean(reader)

    team.origin.git("config", "uploadpack.allowFilter", "true")
    url = team.origin.path.as_uri()
    for name, words in (("partial", ["--filter=blob:none"]), ("shallow", ["--depth=1"])):
        clone = Repo(tmp_path / name)
        subprocess.run(["git", "clone", "-q", *words, url, str(clone.path)], check=True)
        datmo("init", cwd=clone.path)
        datmo("pull", cwd=clone.path)
        away = team.origin.path.rename(tmp_path / "away.git")
        found: Any = judged(clone, oid)
        away.rename(team.origin.path)
        assert found.content == "missing"
        git_objects = [p.subject for p in found.problems if "the git " in p.message]
        assert ("text.txt" in git_objects) == (name == "partial")
