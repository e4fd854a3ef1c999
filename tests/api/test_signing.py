"""datmo.sign: git signs what is recorded, with the user's own setup, or nothing is recorded."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from git_datmo.api import artifact, location, snapshot
from git_datmo.api.verify import verify
from git_datmo.errors import SigningFailed
from git_datmo.storage import durability
from git_datmo.storage.signing import without_signature
from tests.e2e.team import Team, snap
from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.signatures import needs, sign_with_ssh

ADA = "ada@example.com"


def take(repo: Repo, message: str, **keywords: object) -> str:
    made = snapshot.create(location.find(repo.path), message=message, **keywords)  # type: ignore[arg-type]
    return str(made.id)


def signed(repo: Repo, oid: str) -> bool:
    return "\ngpgsig " in repo.git("cat-file", "commit", oid).partition("\n\n")[0]


def good(repo: Repo, oid: str) -> bool:
    return repo.try_git("verify-commit", oid).returncode == 0


def test_snapshots_runs_and_artifacts_are_signed(project: Repo, ssh_key: Path):
    project.write("train.py", "print('acc: 0.9')\n")
    project.commit()
    plain = take(project, "before")
    assert not signed(project, plain)
    sign_with_ssh(project, ssh_key, ADA)
    project.write("big.bin", os.urandom(1_100_000))
    with untouched(project):
        oid = take(project, "Größe\n\nof it", paths=["train.py"])
        again = snapshot.create(location.find(project.path), message="another word")
        made = artifact.create(location.find(project.path), name="model", paths=["big.bin"])
    assert (again.id, again.is_new) == (oid, False)
    done = datmo("run", "--json", "--runner", "local", "--", "sh", "-c", "echo 1 >out").json()
    after = done["after_id"]
    commits = [oid, made.id, done["commit"], after]
    assert all(good(project, commit) for commit in commits)
    # Without the signature it is what would be there without signing.
    data = project.git("cat-file", "commit", oid).encode()
    bare = project.git("cat-file", "commit", plain).encode()
    heads = [without_signature(each).partition(b"\n\n")[0] for each in (data, bare)]
    assert re.sub(rb"^tree .*", b"", heads[0]) == re.sub(rb"^tree .*", b"", heads[1])
    assert "Größe\n\nof it" in project.git("log", "-1", "--format=%B", oid)
    # Notes say what may change, and environments are the same in every clone.
    notes = project.refs("refs/datmo/notes", "refs/datmo/environments")
    assert notes
    assert not any(signed(project, tip) for tip in notes.values())
    assert_clean(project)


def test_with_gnupg(project: Repo, gnupg: Path):
    project.git("config", "datmo.sign", "true")
    oid = take(project, "by the key of my address")
    assert "Good signature" in project.try_git("verify-commit", oid).stderr
    project.git("config", "user.signingKey", "nobody@example.com")
    project.write("more.txt", "x")
    with pytest.raises(SigningFailed, match="gpg failed to sign"):
        take(project, "no such key")


def test_with_certificates(project: Repo, gnupg: Path):
    """x509: gpgsm with a certificate that signs itself."""
    needs("gpgsm")
    wish, made = gnupg / "wish", gnupg / "made"
    wish.write_text(
        "Key-Type: RSA\nKey-Length: 2048\nKey-Usage: sign\nSerial: random\n"
        f"Name-DN: CN=Ada\nName-Email: {ADA}\n"
    )
    words = ["gpgsm", "--batch", "--passphrase-fd", "0", "--pinentry-mode", "loopback"]
    subprocess.run([*words, "-o", made, "--gen-key", wish], input=b"\n", check=True)
    subprocess.run([*words, "--import", made], input=b"\n", check=True)
    listed = subprocess.run(["gpgsm", "-K", "--with-colons"], capture_output=True, check=True)
    print_ = next(line for line in listed.stdout.split() if line.startswith(b"fpr:")).split(b":")[9]
    (gnupg / "trustlist.txt").write_bytes(print_ + b" S relax\n")
    (gnupg / "gpgsm.conf").write_text("disable-crl-checks\n")
    subprocess.run(["gpgconf", "--kill", "all"], check=True)
    project.git("config", "gpg.format", "x509")
    project.git("config", "user.signingKey", ADA)
    project.git("config", "datmo.sign", "true")
    oid = take(project, "by a certificate")
    assert "BEGIN SIGNED MESSAGE" in project.git("cat-file", "commit", oid)
    [verdict] = verify(location.find(project.path), oid).verdicts
    assert (verdict.signature.state, verdict.signature.format) == ("good", "x509")


def test_by_programs_and_commands_of_the_users(project: Repo, ssh_key: Path, tmp_path: Path):
    project.git("config", "gpg.format", "ssh")
    project.git("config", "datmo.sign", "true")
    command = tmp_path / "key command"
    command.write_text(f"#!/bin/sh\nprintf 'key::'; cat '{ssh_key}.pub'\n")
    program = tmp_path / "sign"
    program.write_text(f"#!/bin/sh\necho used >>'{tmp_path}/used'\nexec ssh-keygen \"$@\"\n")
    for file in (command, program):
        file.chmod(0o755)
    project.git("config", "gpg.ssh.program", str(program))
    project.git("config", "user.signingKey", str(ssh_key))
    assert signed(project, take(project, "by a program"))
    assert (tmp_path / "used").read_text() == "used\n"
    # A key that only an agent has is asked of it, which is not there.
    project.git("config", "--unset", "user.signingKey")
    project.git("config", "gpg.ssh.defaultKeyCommand", f"'{command}'")
    project.write("more.txt", "x")
    with pytest.raises(SigningFailed):
        take(project, "by a command")
    assert (tmp_path / "used").read_text() == "used\nused\n"


def test_what_cannot_be_signed_is_not_recorded(project: Repo, ssh_key: Path):
    project.write("train.py", "x = 1\n")
    take(project, "unsigned")
    sign_with_ssh(project, ssh_key, ADA)
    project.git("config", "user.signingKey", "/nowhere/key")
    project.write("train.py", "x = 2\n")
    before = project.refs()
    with untouched(project):
        done = datmo("snapshot", "-m", "two", check=False)
    assert done.code == 4
    assert "nothing was recorded: git could not sign it: " in done.stderr
    assert "/nowhere/key" in done.stderr
    assert "datmo.sign=false" in done.stderr
    assert project.refs() == before
    assert datmo("run", "--runner", "local", "--", "touch", "ran", check=False).code == 4
    assert not (project.path / "ran").exists()
    assert project.refs() == before
    made = datmo(
        "snapshot", "create", "-m", "two", "--json", env={"GIT_CONFIG_PARAMETERS": "'datmo.sign=0'"}
    )
    assert not signed(project, made.json()["id"])
    assert_clean(project)


def test_a_run_that_ended_waits_for_its_signature(project: Repo, ssh_key: Path):
    sign_with_ssh(project, ssh_key, ADA)
    hidden = ssh_key.with_name("away")
    done = datmo(
        *("run", "--runner", "local", "--", "sh", "-c", f"mv '{ssh_key}' '{hidden}'; echo 1 >out"),
        check=False,
    )
    assert done.code == 4
    assert "could not sign" in done.stderr
    [waiting] = datmo("run", "ls", "--json").json()
    assert waiting["commit"] is None
    hidden.rename(ssh_key)
    [recorded] = datmo("run", "ls", "--json").json()
    assert recorded["id"] == waiting["id"]
    assert good(project, recorded["commit"])
    assert project.git("show", f"{recorded['after_id']}:out") == "1"


def test_only_the_user_turns_it_on(project: Repo, ssh_key: Path):
    """A file that others wrote has nobody sign, says with what, nor has it left out."""
    trap = project.path.parent / "trapped"
    project.write(
        ".datmoconfig",
        f"[datmo]\n\tsign = true\n[gpg]\n\tprogram = touch {trap}\n\tformat = ssh\n"
        f'[gpg "ssh"]\n\tdefaultKeyCommand = touch {trap}\n',
    )
    assert not signed(project, take(project, "not asked for"))
    sign_with_ssh(project, ssh_key, ADA)
    project.write(".datmoconfig", "[datmo]\n\tsign = false\n")
    assert signed(project, take(project, "asked for"))
    assert not trap.exists()


def test_settings_of_one_command_count(project: Repo, ssh_key: Path):
    given = {"datmo.sign": "true", "gpg.format": "ssh", "user.signingKey": str(ssh_key)}
    words = [word for key, value in given.items() for word in ("-c", f"{key}={value}")]
    done = project.try_git(*words, "datmo", "snapshot", "create", "-m", "once", "--json")
    assert signed(project, json.loads(done.stdout)["id"])


def test_an_object_that_is_signed_is_flushed_as_any_other(
    project: Repo, ssh_key: Path, monkeypatch: pytest.MonkeyPatch
):
    """git itself would leave it to the system when it reaches the disk: it is ours to write."""
    flush = durability.sync_file_system
    sign_with_ssh(project, ssh_key, ADA)
    there: list[set[str]] = []

    def sync(folder: str) -> bool:
        objects = project.git_dir / "objects"
        there.append({f"{f.parent.name}{f.name}" for f in objects.glob("??/*")})
        return flush(folder)

    monkeypatch.setattr(durability, "sync_file_system", sync)
    oid = take(project, "flushed")
    assert signed(project, oid)
    assert any(oid in seen for seen in there)
    assert not list((project.git_dir / "objects").glob("??/tmp_obj*"))


def test_odd_paths_and_borrowed_objects(tmp_path: Path, ssh_key: Path):
    team = Team(tmp_path / 'a:b "c"')
    borrowed = team.origin.clone(team.root / "bor:rowed", "--shared")
    datmo("init", cwd=borrowed.path)
    sign_with_ssh(borrowed, ssh_key, ADA)
    assert good(borrowed, snap(borrowed, "odd"))
