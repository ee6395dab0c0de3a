"""Vaults on the command line: files both ways with ansible-vault, passwords from everywhere, nothing shown or left."""

from __future__ import annotations

import contextlib
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.cli import vault_files, vaults
from clusterbook.cli.ansible import program
from clusterbook.errors import InvalidInput, Position
from clusterbook.source import Vault, VaultKey, load
from tests.unit.cli.screens import called

MADE_BY_ANSIBLE = Path(__file__).parents[2] / "differential" / "playbooks" / "vault"
ORACLE = Path.home() / ".cache/clusterbook/oracle-venv/bin/ansible-vault"
WORD = "hunter22-of-the-vault"
HOSTS = "all: {hosts: {here: {ansible_connection: local}}}\n"


@pytest.fixture
def folder(tmp_path: Path, machine: None) -> Path:
    """A folder with a password file and an inventory of this machine."""
    (tmp_path / "pw").write_text("one password\n")
    (tmp_path / "other").write_text("another password\n")
    (tmp_path / "hosts.yml").write_text(HOSTS)
    return tmp_path


def sealed(text: str, label: str = "", password: bytes = b"one password") -> str:
    return vault_files.sealed(text.encode(), VaultKey(label, password)).decode()


def inline(name: str, text: str, **options: bytes) -> str:
    """A variable with an encrypted value, as YAML."""
    return f"{name}: !vault |\n" + "".join(f"  {line}\n" for line in sealed(text, **options).splitlines())  # type: ignore[arg-type]


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


def test_files_that_ansible_vault_made_are_read() -> None:
    keys = Vault([VaultKey("default", (MADE_BY_ANSIBLE / "_password").read_bytes().strip())])
    found = load(MADE_BY_ANSIBLE / "_secrets.yml", keys)
    assert set(found) == {"secret_word", "secret_list"} and keys.opened(found["secret_word"])


@pytest.mark.skipif(not ORACLE.exists(), reason="ansible-vault of the differential tests is not installed")
def test_ansible_vault_reads_what_is_made_here(folder: Path) -> None:
    (folder / "a.yml").write_text("a: 1\n")
    assert called("clusterbook vault encrypt a.yml --vault-id prod@pw", folder)[0] == 0
    assert (folder / "a.yml").read_text().startswith("$ANSIBLE_VAULT;1.2;AES256;prod\n")
    done = subprocess.run(
        [ORACLE, "view", "--vault-id", f"prod@{folder}/pw", folder / "a.yml"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "a: 1\n"


@pytest.mark.skipif(not ORACLE.exists(), reason="ansible-vault of the differential tests is not installed")
def test_what_ansible_vault_makes_is_read_here(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (folder / "a.yml").write_text("a: 1\n")
    subprocess.run([ORACLE, "encrypt", "--vault-password-file", folder / "pw", folder / "a.yml"], check=True)
    assert run_vault(folder, "view a.yml --vault-password-file pw", capfdbinary) == b"a: 1\n"


def run_vault(folder: Path, words: str, captured: pytest.CaptureFixture[bytes]) -> bytes:
    """What `clusterbook vault` writes to the process's own output."""
    captured.readouterr()
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from clusterbook.cli.main import main; main()", "vault", *words.split()],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_file_is_edited_with_the_password_that_it_had(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.yml").write_text(sealed("a: 1\n", "prod"))
    (folder / "a.yml").chmod(0o640)
    seen = folder / "seen"
    editor = folder / "editor"
    editor.write_text(f"#!/bin/sh\nls -ld $(dirname $1) $1 | cut -c1-10 > {seen}\necho 'a: 2' > $1\n")
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    assert called("clusterbook vault edit a.yml --vault-id x@other --vault-id prod@pw", folder)[::2] == (0, "")
    assert seen.read_text().split() == ["drwx------", "-rw-------"]
    assert stat.S_IMODE((folder / "a.yml").stat().st_mode) == 0o640
    assert (folder / "a.yml").read_text().startswith("$ANSIBLE_VAULT;1.2;AES256;prod\n")
    assert load(folder / "a.yml", Vault([VaultKey("", b"one password")])) == {"a": 2}


def test_a_file_is_created_in_a_folder_that_was_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", f"{sys.executable} -c 'import sys; open(sys.argv[1], \"w\").write(\"a: 1\\n\")'")
    monkeypatch.delenv("VISUAL", raising=False)
    assert called("clusterbook vault create group_vars/all/a.yml --vault-password-file pw", folder)[0] == 0
    assert (folder / "group_vars/all/a.yml").read_text().startswith("$ANSIBLE_VAULT;1.1;AES256\n")


def test_a_folder_that_cannot_be_made_is_told_before_the_editor_opens(folder: Path) -> None:
    status, _, errors = called("clusterbook vault create pw/a.yml --vault-password-file pw", folder)
    assert status == 3 and "cannot make the folder 'pw': file exists" in errors


@pytest.mark.parametrize("editor", ["false", "/no/such/editor", "kill -TERM $PPID;"])
def test_no_plain_text_stays_behind(folder: Path, monkeypatch: pytest.MonkeyPatch, editor: str) -> None:
    memory = folder / "memory"
    memory.mkdir()
    monkeypatch.setattr(vault_files, "MEMORY", memory)
    before = sealed("a: 1\n")
    (folder / "a.yml").write_text(before)
    if editor.startswith("kill"):
        script = folder / "editor"
        script.write_text("#!/bin/sh\nkill -TERM $PPID\nsleep 0.2\n")
        script.chmod(0o700)
        editor = str(script)
    with contextlib.suppress(SystemExit):
        monkeypatch.setenv("EDITOR", editor)
        monkeypatch.delenv("VISUAL", raising=False)
        called("clusterbook vault edit a.yml --vault-password-file pw", folder)
    assert list(memory.iterdir()) == []
    assert (folder / "a.yml").read_text() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("vault encrypt secret.yml --vault-password-file pw", "error: 'secret.yml' is encrypted already\n"),
        ("vault view hosts.yml --vault-password-file pw", "error: 'hosts.yml' is not encrypted\n"),
        ("vault view secret.yml --vault-password-file other",
         "error: the vault password does not open this (vault id 'prod')\n"),
        ("vault view secret.yml --vault-id a@other --vault-id b@other",
         "error: none of the 2 vault passwords opens this (vault id 'prod')\n"),
        ("vault view damaged.yml --vault-password-file pw", "error: the encrypted text is damaged\n"),
        ("vault view changed.yml --vault-password-file pw", "error: the vault password does not open this\n"),
        ("vault view secret.yml --vault-password-file nowhere", "error: there is no vault password file 'nowhere'\n"),
        ("vault view secret.yml --vault-id a@empty", "error: the vault password of 'empty' is empty\n"),
        ("vault view secret.yml --ask-vault-password",
         "error: the vault password of 'default' cannot be asked for: the input is no terminal\n"),
        ("vault view secret.yml --vault-password-file fails",
         "error: the vault password program '/home/me/project/fails' ended with status 3\n"),
        ("vault encrypt hosts.yml --vault-id a@pw --encrypt-vault-id b",
         "error: no vault password has the label 'b'\n"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_the_content_is_not(
    folder: Path, words: str, message: str
) -> None:
    (folder / "secret.yml").write_text(sealed(WORD, "prod"))
    lines = sealed(WORD).splitlines()
    (folder / "damaged.yml").write_text("\n".join([lines[0], "zz" + lines[1][2:], *lines[2:]]))
    changed = lines[-1][:-2] + ("31" if lines[-1].endswith("30") else "30")
    (folder / "changed.yml").write_text("\n".join([*lines[:-1], changed]))
    (folder / "empty").write_text("\n")
    (folder / "fails").write_text("#!/bin/sh\nexit 3\n")
    (folder / "fails").chmod(0o700)
    code, output, errors = called(f"clusterbook {words}", folder)
    assert (code, output) == (3, "")
    assert errors.startswith(message), errors
    assert WORD not in errors and "password\n" not in errors


def test_a_program_gives_a_password_and_a_client_is_told_the_label(folder: Path) -> None:
    (folder / "keys-client").write_text('#!/bin/sh\necho "$1 $2"\n')
    (folder / "keys-client").chmod(0o700)
    assert vaults.key_of(f"prod@{folder}/keys-client").password == b"--vault-id prod"


def test_the_environment_names_a_password_file(folder: Path) -> None:
    named = {vaults.PASSWORD_FILE: str(folder / "pw")}
    assert [key.password for key in vaults.open_vault(environment=named).keys] == [b"one password"]
    assert [key.password for key in vaults.open_vault([str(folder / "other")], environment=named).keys] == [
        b"another password"
    ]


def project(folder: Path) -> None:
    """A play that uses a vault in every way."""
    files = {
        "group_vars/all/vault.yml": sealed(f"whole: {WORD}-1\nnumber: 8080\nwith: 'a-{WORD}-2 {{{{ plain }}}}'\n"),
        "group_vars/all/plain.yml": "plain: seen\n" + inline("single", f"{WORD}-3 {{{{ plain }}}}"),
        "more.yml": sealed(f"included: {WORD}-4\n"),
        "tasks.yml": sealed(f"- copy: {{dest: '{folder}/out/tasks', content: '{WORD}-5'}}\n"),
        "files/whole.txt": sealed(f"{WORD}-6\nshort\n", "prod", b"another password"),
        "templates/whole.j2": sealed(f"{WORD}-7 {{{{ whole }}}}\n"),
        "play.yml": f"""\
- hosts: all
  gather_facts: false
  tasks:
    - include_vars: more.yml
    - include_tasks: tasks.yml
    - copy:
        dest: {folder}/out/values
        content: "{{{{ whole }}}} {{{{ number + 1 }}}} {{{{ with }}}} {{{{ single }}}} {{{{ included }}}}"
    - copy: {{src: "{{{{ item }}}}.txt", dest: {folder}/out/copy}}
      loop: [whole]
    - copy: {{src: whole.txt, dest: {folder}/out/raw, decrypt: false}}
    - template: {{src: whole.j2, dest: {folder}/out/template}}
    - debug: {{msg: "{{{{ whole }}}} and {{{{ hostvars['here'].single }}}}"}}
""",
    }
    (folder / "out").mkdir()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_a_run_uses_what_is_encrypted_and_shows_none_of_it(folder: Path) -> None:
    project(folder)
    code, output, errors = called(
        "clusterbook run play.yml --inventory hosts.yml --diff --verbose --vault-password-file pw "
        "--vault-id prod@other", folder,
    )  # fmt: skip
    assert code == 0, output + errors
    found = {path.name: path.read_text() for path in (folder / "out").iterdir()}
    raw = found.pop("raw")
    assert found == {
        "tasks": f"{WORD}-5",
        "values": f"{WORD}-1 8081 a-{WORD}-2 seen {WORD}-3 {{{{ plain }}}} {WORD}-4",
        "copy": f"{WORD}-6\nshort\n",
        "template": f"{WORD}-7 {WORD}-1\n",
    }
    assert raw == (folder / "files/whole.txt").read_text()
    kept = "".join(path.read_text() for path in (folder / "store").rglob("*") if path.is_file())
    assert kept and WORD not in kept + output + errors


def test_a_host_does_not_choose_what_is_opened(folder: Path) -> None:
    project(folder)
    play = "- hosts: all\n  gather_facts: false\n  tasks:\n    - {command: echo whole.txt, register: said}\n" + (
        f"    - copy: {{src: '{{{{ said.stdout }}}}', dest: {folder}/out/stolen}}\n"
    )
    (folder / "play.yml").write_text(play)
    code, output, _ = called("clusterbook run play.yml --inventory hosts.yml --vault-password-file pw", folder)
    assert code == 1
    assert "what a host says opens nothing" in " ".join(output.split())
    assert not (folder / "out/stolen").exists()


def test_explain_names_the_place_and_hides_the_value(folder: Path) -> None:
    project(folder)
    code, output, _ = called(
        "clusterbook explain single here --playbook play.yml --inventory hosts.yml --vault-password-file pw "
        "--vault-id other", folder,
    )  # fmt: skip
    assert code == 0
    assert "single = (secret)" in output and "group_vars/all/plain.yml:2" in output


def wrong_files() -> Iterator[tuple[str, str]]:
    yield f"a: [{WORD}\n", "what is encrypted in this file is wrong in line 1"
    yield f"{WORD}\n", "what is encrypted in this file is wrong in line 1"
    yield f"{WORD} x: 1\n", "what is encrypted in this file is wrong in line 1"


@pytest.mark.parametrize(("text", "message"), list(wrong_files()))
def test_what_is_wrong_in_an_encrypted_file_is_told_without_it(folder: Path, text: str, message: str) -> None:
    (folder / "vars.yml").write_text(sealed(text))
    (folder / "play.yml").write_text("- hosts: all\n  vars_files: [vars.yml]\n  tasks: [{ping: }]\n")
    code, output, errors = called("clusterbook run play.yml --inventory hosts.yml --vault-password-file pw", folder)
    assert (code, output) == (3, "")
    assert errors.startswith(f"error: {message}\n  at vars.yml\n") and WORD not in errors


def test_a_run_without_the_password_says_so_once_for_each_file(folder: Path) -> None:
    project(folder)
    code, output, errors = called("clusterbook run play.yml --inventory hosts.yml", folder)
    assert (code, output) == (3, "")
    assert errors.count("error: this is encrypted with ansible-vault, and no vault password was given") == 2
    assert "at group_vars/all/vault.yml:1:1\n" in errors and "at group_vars/all/plain.yml:2:9\n" in errors


def test_the_shim_ends_with_ansibles_status_for_a_file_that_it_cannot_open(folder: Path) -> None:
    (folder / "vars.yml").write_text(sealed("a: 1\n"))
    (folder / "play.yml").write_text("- hosts: all\n  vars_files: [vars.yml]\n  tasks: []\n")
    words = [str(folder / "play.yml"), "-i", str(folder / "hosts.yml")]
    assert program.run([*words, "--vault-password-file", str(folder / "other")]) == program.ERROR
    assert program.run(words) == program.ERROR
    assert program.run([*words, "--vault-password-file", str(folder / "pw")]) == 0


def test_a_single_value_that_cannot_be_opened_is_left_to_its_use_when_that_is_wanted(folder: Path) -> None:
    (folder / "a.yml").write_text(inline("a", "x"))
    assert load(folder / "a.yml", Vault(tolerant=True))["a"].name.startswith("this is encrypted with ansible-vault")
    with pytest.raises(InvalidInput, match="no vault password was given"):
        Vault(tolerant=True).open(sealed("x").encode(), Position("a"))
