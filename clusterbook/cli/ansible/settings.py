"""What ansible.cfg and ANSIBLE_* variables say, as far as it has a meaning here; the rest is for other tools."""

from __future__ import annotations

import configparser
import stat
from collections.abc import Iterator, Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.records import dataclass

_TRUE = ("1", "true", "yes", "on", "t", "y")
# field -> (environment variables, section and keys of ansible.cfg), the first that is set counts
_SOURCES: Mapping[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "inventory": (("ANSIBLE_INVENTORY",), (("defaults", "inventory"),)),
    "roles_path": (("ANSIBLE_ROLES_PATH",), (("defaults", "roles_path"),)),
    "forks": (("ANSIBLE_FORKS",), (("defaults", "forks"),)),
    "user": (("ANSIBLE_REMOTE_USER",), (("defaults", "remote_user"),)),
    "port": (("ANSIBLE_REMOTE_PORT",), (("defaults", "remote_port"),)),
    "private_key_file": (("ANSIBLE_PRIVATE_KEY_FILE",), (("defaults", "private_key_file"),)),
    "host_key_checking": (
        ("ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"),
        (("defaults", "host_key_checking"), ("ssh_connection", "host_key_checking")),
    ),
    "gathering": (("ANSIBLE_GATHERING",), (("defaults", "gathering"),)),
    "timeout": (("ANSIBLE_TIMEOUT",), (("defaults", "timeout"),)),
    "connection": (("ANSIBLE_TRANSPORT",), (("defaults", "transport"),)),
    "interpreter": (("ANSIBLE_PYTHON_INTERPRETER",), (("defaults", "interpreter_python"),)),
    "vault_password_file": (("ANSIBLE_VAULT_PASSWORD_FILE",), (("defaults", "vault_password_file"),)),
    "vault_identity_list": (("ANSIBLE_VAULT_IDENTITY_LIST",), (("defaults", "vault_identity_list"),)),
    "force_handlers": (("ANSIBLE_FORCE_HANDLERS",), (("defaults", "force_handlers"),)),
    "run_tags": (("ANSIBLE_RUN_TAGS",), (("tags", "run"),)),
    "skip_tags": (("ANSIBLE_SKIP_TAGS",), (("tags", "skip"),)),
    "diff": (("ANSIBLE_DIFF_ALWAYS",), (("diff", "always"),)),
    "force_color": (("ANSIBLE_FORCE_COLOR",), (("defaults", "force_color"),)),
    "no_color": (("ANSIBLE_NOCOLOR", "NO_COLOR"), (("defaults", "nocolor"),)),
    "show_skipped": (("ANSIBLE_DISPLAY_SKIPPED_HOSTS",), (("defaults", "display_skipped_hosts"),)),
    "show_custom_stats": (("ANSIBLE_SHOW_CUSTOM_STATS",), (("defaults", "show_custom_stats"),)),
    "become": (("ANSIBLE_BECOME",), (("privilege_escalation", "become"),)),
    "become_user": (("ANSIBLE_BECOME_USER",), (("privilege_escalation", "become_user"),)),
    "become_method": (("ANSIBLE_BECOME_METHOD",), (("privilege_escalation", "become_method"),)),
    "become_ask_pass": (("ANSIBLE_BECOME_ASK_PASS",), (("privilege_escalation", "become_ask_pass"),)),
    "ssh_args": (("ANSIBLE_SSH_ARGS",), (("ssh_connection", "ssh_args"),)),
    "ssh_common_args": (("ANSIBLE_SSH_COMMON_ARGS",), (("ssh_connection", "ssh_common_args"),)),
}
_PATHS = ("inventory", "roles_path", "private_key_file", "vault_password_file")


@dataclass(frozen=True)
class Settings:
    """Values as written; None where nobody sets one. Paths of a file are relative to it."""

    inventory: str | None = None
    roles_path: str | None = None
    forks: int | None = None
    user: str | None = None
    port: int | None = None
    private_key_file: str | None = None
    host_key_checking: bool = True
    gathering: str | None = None
    timeout: int | None = None
    connection: str | None = None
    interpreter: str | None = None
    vault_password_file: str | None = None
    vault_identity_list: str | None = None
    force_handlers: bool = False
    run_tags: str | None = None
    skip_tags: str | None = None
    diff: bool = False
    force_color: bool = False
    no_color: bool = False
    show_skipped: bool = True
    show_custom_stats: bool = False
    become: bool = False
    become_user: str | None = None
    become_method: str | None = None
    become_ask_pass: bool = False
    ssh_args: str | None = None
    ssh_common_args: str | None = None
    warnings: tuple[str, ...] = field(default=())
    config_file: str = ""


def read_settings(environment: Mapping[str, str], directory: Path, home: Path) -> Settings:
    """The settings for a run that starts in a directory. Raises InvalidInput for a file that cannot be read.

    An ansible.cfg in a directory that everybody can write to is never read: anyone could have put it there.
    """
    warnings: list[str] = []
    path = _config_file(environment, directory, home, warnings)
    parser = _parsed(path)
    values: dict[str, Any] = {}
    for one in fields(Settings):
        if one.name in _SOURCES:
            found = _find(one.name, environment, parser, path)
            if found is not None:
                values[one.name] = _typed(one.name, str(one.type), *found)
    return Settings(**values, warnings=tuple(warnings), config_file=str(path or ""))


def _config_file(
    environment: Mapping[str, str], directory: Path, home: Path, warnings: list[str]
) -> Path | None:
    named = environment.get("ANSIBLE_CONFIG")
    if named:
        path = Path(named).expanduser()
        path = path / "ansible.cfg" if path.is_dir() else path
        if path.is_file():
            return path
    for path in (directory / "ansible.cfg", home / ".ansible.cfg", Path("/etc/ansible/ansible.cfg")):
        if path.is_file() and not (path.parent == directory and _open_to_all(directory, path, warnings)):
            return path
    return None


def _open_to_all(directory: Path, path: Path, warnings: list[str]) -> bool:
    if not directory.stat().st_mode & stat.S_IWOTH:
        return False
    warnings.append(f"{path} is ignored: everybody can write to {directory}")
    return True


def _parsed(path: Path | None) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",), strict=False)
    if path is not None:
        try:
            parser.read_string(path.read_text("utf-8"), str(path))
        except (configparser.Error, UnicodeDecodeError, OSError) as error:
            raise InvalidInput(
                f"cannot read {path}: {str(error).splitlines()[0]}", where=Position(str(path)),
                next_step="Correct the file, or name another one in ANSIBLE_CONFIG.",
            ) from None
    return parser


def _find(
    name: str, environment: Mapping[str, str], parser: configparser.ConfigParser, path: Path | None
) -> tuple[str, str] | None:
    """(the value, where it is set); paths of the file made absolute."""
    variables, places = _SOURCES[name]
    for variable in variables:
        if environment.get(variable):
            return environment[variable], variable
    for section, key in places:
        text = parser.get(section, key, fallback="").strip()
        if text:
            assert path is not None
            shown = f"{path} [{section}] {key}"
            return (_absolute(name, text, path.parent) if name in _PATHS else text), shown
    return None


def _absolute(name: str, text: str, base: Path) -> str:
    separator = {"roles_path": ":", "inventory": ","}.get(name)
    parts = text.split(separator) if separator else [text]
    if name == "inventory" and text.endswith(","):
        return text
    return (separator or "").join(str(base / Path(part.strip()).expanduser()) for part in parts if part.strip())


def _typed(name: str, kind: str, text: str, where: str) -> Any:
    if kind.startswith("bool"):
        return text.lower() in _TRUE
    if kind.startswith("int"):
        if not text.isdigit():
            raise InvalidInput(f"{where} is {text!r}, expected a number", next_step="Correct it.")
        return int(text)
    return text


def role_folders(settings: Settings, home: Path) -> Iterator[Path]:
    """Where roles are looked up besides the playbook's own folder."""
    text = settings.roles_path or f"{home}/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles"
    yield from (Path(part).expanduser().resolve() for part in text.split(":") if part)
