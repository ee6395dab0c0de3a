"""What modules return beside what every result has: the reference shows it, tests hold it against what they do.

`python -m tests.differential.returned` compares it with what Ansible's own modules return and document.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.records import dataclass


@dataclass(frozen=True)
class Value:
    """One value of a result. when: empty for each step that did its work."""

    type: str
    description: str
    when: str = ""


Values = Mapping[str, Value]
FAILS = "when it fails"
# Of every result; what `register` keeps of loops and retries, too.
COMMON: Values = {
    "changed": Value("bool", "Whether the step changed something, or in check mode would."),
    "failed": Value("bool", "Whether it failed."),
    "msg": Value("str", "What happened, in words; of a failure the reason.", "where there is something to say"),
    "skipped": Value("bool", "Whether it was left out: by `when`, by its own guards, in check mode.", "then"),
    "diff": Value("raw", "What differed: `before` and `after`.", "with `diff: true` or `--diff`"),
    "warnings": Value("list", "What a person should know.", "where there is something"),
    "exception": Value("str", "Always the same words: there is no traceback.", FAILS),
    "next_step": Value("str", "What to do about the failure.", f"{FAILS} and there is one"),
    "unknown": Value("bool", "Check mode cannot tell what the step would do.", "then"),
    "results": Value("list", "The result of each item.", "with a loop"),
    "invocation": Value("dict", "What the module was given: `module_args`.", "of a registered loop's items"),
    "attempts": Value("int", "How often it was tried.", "with `until`"),
}
# A program that failed tells these of itself, whichever module it ran for.
OF_PROGRAMS: Values = {
    "rc": Value("int", "Exit status."),
    "cmd": Value("raw", "What ran."),
    "stdout": Value("str", "Its output."),
    "stderr": Value("str", "Its errors."),
    "stdout_lines": Value("list", "The same by line."),
    "stderr_lines": Value("list", "The same by line."),
    "exit_status": Value("int", "Exit status of `validate`."),
}
_OUTPUT: Values = {name: value for name, value in OF_PROGRAMS.items() if name not in ("cmd", "exit_status")}
_PLACE: Values = {
    "state": Value("str", "What it is: file, directory, link, hard or absent."),
    "owner": Value("str", "Its user, where the number has a name."),
    "group": Value("str", "Its group, likewise."),
    "uid": Value("int", "The user's number."),
    "gid": Value("int", "The group's number."),
    "mode": Value("str", "Permission bits, such as '0644'."),
    "size": Value("int", "Bytes."),
}
_BACKUP: Values = {"backup_file": Value("str", "Where the old file was kept.", "with `backup`, when it changed")}
_FACTS = "Facts, which are variables of the host from now on"
_STATE: Values = {"state": Value("str", "As asked for.")}
_NAME: Values = {"name": Value("str", "As asked for.")}
_COMMAND: Values = {
    "cmd": Value("raw", "What ran: a list of words, of a shell a text."), **_OUTPUT,
    "start": Value("str", "When it began."), "end": Value("str", "When it ended."),
    "delta": Value("str", "How long it ran."),
}
_COPY: Values = {
    "dest": Value("str", "The file."), "src": Value("str", "Where it is from, as it was asked for."), **_PLACE,
    "checksum": Value("str", "SHA-1 of the content.", "of files up to 1 MiB"),
    "md5sum": Value("str", "MD5 of the content.", "of files up to 1 MiB, when it changed"),
    "path": Value("str", "The file.", "when it did not change"), **_BACKUP,
}
_TEXT: Values = {"rc": Value("int", "256: a directory, 257: not there.", FAILS), **_BACKUP}
_APT: Values = {
    "cache_updated": Value("bool", "Whether the lists of packages were fetched."),
    "cache_update_time": Value("int", "When they were fetched last, in seconds since 1970."),
    **{name: Value(value.type, f"{value.description[:-1]} (of apt-get).", "when packages change")
       for name, value in _OUTPUT.items() if name != "rc"},
}
_DNF: Values = {"results": Value("list", "What was done; with `list` what was found."),
                "rc": Value("int", "Exit status of dnf.")}
_SYSTEMD: Values = {
    **_NAME, "status": Value("dict", "All properties of the unit, as systemd tells them."),
    "state": Value("str", "started or stopped.", "with `state`"),
    "enabled": Value("bool", "Whether it starts with the host.", "with `enabled`"),
}
_WAITED: Values = {"elapsed": Value("int", "Seconds that it took.")}
_STAT = """\
`exists`, and when something is there: `path`, `isreg`, `isdir`, `islnk`, `isblk`, `ischr`, `isfifo`, `issock`;
`mode` and its bits, `rusr`, `wusr`, `xusr`, `rgrp`, `wgrp`, `xgrp`, `roth`, `woth`, `xoth`, `isuid`, `isgid`;
`uid`, `gid`, `pw_name`, `gr_name`; `readable`, `writeable`, `executable` by the step's user; `size`, `blocks`,
`block_size`, `inode`, `dev`, `device_type`, `nlink`; `atime`, `mtime`, `ctime` in seconds since 1970; of files
`checksum`; with `get_mime` `mimetype`, `charset`; with `get_attributes` `attributes`, `attr_flags`, `version`; of
links `lnk_target`, and `lnk_source`, where it ends."""

_BUILTIN: Mapping[str, Values] = {
    "add_host": {"add_host": Value("dict", "host_name, groups and host_vars.")},
    "apt": _APT,
    "apt_key": {
        "id": Value("str", "As asked for."), "fp": Value("str", "The fingerprint, or the id that stands for it."),
        "key_id": Value("str", "The last 16 digits of it."), "short_id": Value("str", "The last 8."),
        "before": Value("list", "Keys that were trusted."), "after": Value("list", "Keys that are trusted."),
    },
    "apt_repository": {
        "repo": Value("str", "The source."), **_STATE, "sources_added": Value("list", "Files that were made."),
        "sources_removed": Value("list", "Files that were removed."),
    },
    "assemble": {**_COPY, "md5sum": Value("str", "MD5 of the content.", "of files up to 1 MiB")},
    "assert": {"assertion": Value("raw", "The condition that does not hold.", FAILS),
               "evaluated_to": Value("bool", "false.", FAILS)},
    "async_status": {
        "ansible_job_id": Value("str", "The job."), "started": Value("bool", "Whether it was started."),
        "finished": Value("bool", "Whether it has ended."),
        "results_file": Value("str", "Where the host keeps its result.", "with `mode: status`"),
        "erased": Value("str", "The file that was removed.", "with `mode: cleanup`"),
        **{name: Value(value.type, f"{value.description[:-1]}, and all else that the step returned.", "when it ended")
           for name, value in {"cmd": OF_PROGRAMS["cmd"], **_OUTPUT}.items()},
    },
    "blockinfile": _TEXT,
    "command": _COMMAND,
    "copy": _COPY,
    "cron": {"jobs": Value("list", "Names of the jobs in the file."), "envs": Value("list", "Always empty."),
             "cron_file": Value("str", "As asked for.")},
    "deb822_repository": {"repo": Value("str", "The text of the source."), "dest": Value("str", "Its file."), **_PLACE,
                          "key_filename": Value("str", "File of its key.", "when the key is downloaded")},
    "debconf": {"current": Value("dict", "Question -> answer, now."),
                "previous": Value("dict", "The answer before.", "with `question`")},
    "debug": {"skipped_reason": Value("str", "That the run is not to tell so much.", "with `verbosity`"),
              "NAME": Value("raw", "The value of the variable, under the name that `var` says.", "with `var`")},
    "dnf": _DNF,
    "dpkg_selections": {"before": Value("str", "The selection before."), "after": Value("str", "As asked for.")},
    "fail": {},
    "fetch": {
        "dest": Value("str", "The file on the local machine."), "checksum": Value("str", "SHA-1 of it."),
        "md5sum": Value("str", "MD5 of it."), "file": Value("str", "The file of the host.", "when nothing was fetched"),
        "remote_checksum": Value("str", "SHA-1 of the file of the host.", "when it changed"),
        "remote_md5sum": Value("str", "Always null.", "when it changed"),
    },
    "file": {**_PLACE, "path": Value("str", "The path.", "of files and directories"),
             "dest": Value("str", "The path.", "of links, and with `state: touch`"),
             "src": Value("str", "Where a link points.", "of links")},
    "find": {
        "files": Value("list", "Of each path what `stat` returns of it."),
        "matched": Value("int", "How many."), "examined": Value("int", "How many were looked at."),
        "skipped_paths": Value("dict", "Path -> why it could not be looked at."),
    },
    "gather_facts": {"ansible_facts": Value("dict", f"{_FACTS}, as of `setup`.")},
    "get_url": {
        "url": Value("str", "As asked for."), "dest": Value("str", "The file."), **_PLACE,
        "checksum_src": Value("str", "SHA-1 of what was downloaded.", "after a download"),
        "checksum_dest": Value("str", "SHA-1 of what was there before; null when nothing was.", "after a download"),
        "md5sum": Value("str", "MD5 of the file.", "after a download of up to 1 MiB"),
        "status_code": Value("int", "The server's answer; -1 for none.", "when it was asked"),
        "elapsed": Value("int", "Seconds that it took.", "when it was asked"),
        "response": Value("str", "The server's words.", FAILS), **_BACKUP,
    },
    "getent": {"ansible_facts": Value("dict", f"{_FACTS}: `getent_DATABASE`, key -> fields.")},
    "git": {"before": Value("str", "The commit before; null for a new copy."), "after": Value("str", "The commit now."),
            "remote_url_changed": Value("bool", "Whether the copy was of another address.")},
    "group": {**_NAME, **_STATE, "gid": Value("int", "Its number.", "with `state: present`"),
              "system": Value("bool", "As asked for.", "with `state: present`")},
    "group_by": {"add_group": Value("str", "The group."), "parent_groups": Value("list", "Those above it.")},
    "hostname": {**_NAME, "ansible_facts": Value("dict", f"{_FACTS}: what follows from the name.")},
    "import_playbook": {}, "import_role": {}, "import_tasks": {}, "include_role": {}, "include_tasks": {},
    "include_vars": {"ansible_facts": Value("dict", "The variables, but for those that other variables make up."),
                     "ansible_included_var_files": Value("list", "The files."),
                     "message": Value("str", "The reason.", FAILS)},
    "iptables": {
        **{name: Value("raw", "As asked for.") for name in ("chain", "flush", "ip_version", "state", "table", "wait",
                                                            "chain_management")},
        "rule": Value("str", "The rule in the words of iptables."),
    },
    "known_hosts": {**_NAME, **_PLACE, "path": Value("str", "The file."), "key": Value("str", "As asked for."),
                    "hash_host": Value("bool", "As asked for."), "diff": Value("dict", "The file before and after.")},
    "lineinfile": {"backup": Value("str", "Where the old file was kept, or nothing.", "but where no file was"),
                   "found": Value("int", "How many lines went.", "with `state: absent`"), "rc": _TEXT["rc"]},
    "meta": {},
    "mount_facts": {"ansible_facts": Value("dict", f"{_FACTS}: `mount_points` and `aggregate_mounts`.")},
    "package": {**_APT, **_DNF},
    "package_facts": {"ansible_facts": Value("dict", f"{_FACTS}: `packages`, name -> versions that are installed.")},
    "pause": {
        "start": Value("str", "When it began."), "stop": Value("str", "When it ended."),
        "delta": Value("int", "Seconds between them."), "stdout": Value("str", "How long it was, in words."),
        "stderr": Value("str", "Always empty."), "rc": Value("int", "Always 0."), "echo": Value("bool", "Always true."),
        "user_input": Value("str", "What the person typed, or nothing."),
    },
    "ping": {"ping": Value("str", "pong, or `data`.")},
    "pip": {**{name: Value("raw", "As asked for.") for name in ("name", "version", "state", "requirements",
                                                                "virtualenv")},
            "cmd": OF_PROGRAMS["cmd"], **{name: value for name, value in _OUTPUT.items() if name != "rc"}},
    "raw": _OUTPUT,
    "reboot": {"rebooted": Value("bool", "Whether it did."), **_WAITED},
    "replace": {**_TEXT, "rc": Value("int", "0, or 256: a directory, 257: not there.")},
    "rpm_key": {},
    "script": _OUTPUT,
    "service": _SYSTEMD,
    "service_facts": {"ansible_facts": Value("dict", f"{_FACTS}: `services`, name -> name, state, status, source.")},
    "set_fact": {"ansible_facts": Value("dict", "The variables.")},
    "set_stats": {"ansible_stats": Value("dict", "data, per_host and aggregate.")},
    "setup": {"ansible_facts": Value("dict", f"{_FACTS}, each with `ansible_` before its name.")},
    "shell": _COMMAND,
    "slurp": {"content": Value("str", "The file as base64."), "encoding": Value("str", "base64."),
              "source": Value("str", "The file."), "src": Value("str", "The file.", FAILS)},
    "stat": {"stat": Value("dict", _STAT)},
    "systemd": _SYSTEMD, "systemd_service": _SYSTEMD,
    "sysvinit": {**_NAME, "status": Value("dict", "Whether `enabled` and `started` changed.")},
    "tempfile": {"path": Value("str", "What was made."), **_PLACE},
    "template": _COPY,
    "unarchive": {"dest": Value("str", "The directory."), "src": Value("str", "As asked for."), **_PLACE,
                  "handler": Value("str", "Always clusterbook: no program unpacks."),
                  "files": Value("list", "Names in the archive.", "with `list_files`")},
    "uri": {
        "url": Value("str", "The address that answered."), "status": Value("int", "Its answer; -1 for none."),
        "redirected": Value("bool", "Whether that is another address."), **_WAITED,
        "cookies": Value("dict", "Always empty."), "cookies_string": Value("str", "Always empty."),
        "content": Value("str", "The body.", "with `return_content`, and with a status that is not wanted"),
        "json": Value("raw", "The body as data.", "where it is JSON"),
        "path": Value("str", "The file.", "with `dest`"),
        **{name: Value(value.type, f"{value.description[:-1]} (of the file).", "with `dest`")
           for name, value in _PLACE.items()},
        "stdout": Value("str", "Why nothing was asked.", "with `creates` and `removes`"),
        "HEADER": Value("str", "Each header, in lower case and with underscores."),
    },
    "user": {
        **_NAME, **_STATE, "uid": Value("int", "The user's number."), "group": Value("int", "Its group's number."),
        "groups": Value("str", "Further groups.", "with `groups`"), "comment": Value("str", "The name in full."),
        "home": Value("str", "The home directory."), "shell": Value("str", "The shell."),
        "append": Value("bool", "As asked for."), "move_home": Value("bool", "As asked for."),
        "create_home": Value("bool", "As asked for.", "for a new user"),
        "system": Value("bool", "As asked for.", "for a new user"),
        "password": Value("str", "NOT_LOGGING_PASSWORD.", "with `password`"),
        "ssh_key_file": Value("str", "The private key.", "with `generate_ssh_key`"),
        "ssh_public_key": Value("str", "The public key.", "with `generate_ssh_key`"),
        "ssh_fingerprint": Value("str", "Its fingerprint.", "with `generate_ssh_key`"),
        "force": Value("bool", "As asked for.", "with `state: absent`"),
        "remove": Value("bool", "As asked for.", "with `state: absent`"),
    },
    "validate_argument_spec": {
        "validate_args_context": Value("dict", "As asked for."),
        "argument_errors": Value("list", "What is wrong.", FAILS),
        "argument_spec_data": Value("dict", "The specification.", FAILS),
    },
    "wait_for": {
        **{name: Value("raw", "As asked for.") for name in ("port", "search_regex")}, **_PLACE,
        "path": Value("str", "As asked for."), "state": Value("str", "As asked for; of a path what it is."),
        "match_groups": Value("list", "Groups of what `search_regex` found."),
        "match_groupdict": Value("dict", "Those with a name."), **_WAITED,
    },
    "wait_for_connection": _WAITED,
    "yum_repository": {"repo": Value("str", "Its name."), **_STATE},
}
_OTHERS: Mapping[str, Values] = {
    "ansible.posix.authorized_key": {
        **{name: Value("raw", "As asked for.") for name in (
            "user", "key", "path", "manage_dir", "key_options", "comment", "exclusive", "validate_certs", "follow")},
        "keyfile": Value("str", "The file."),
        **{name: Value(value.type, value.description, "with `path`") for name, value in _PLACE.items()}, **_STATE,
    },
    "ansible.posix.mount": {
        **_NAME, "fstab": Value("str", "As asked for."),
        **{name: Value("str", "As asked for.") for name in ("dump", "passno", "src", "fstype", "opts")},
        "boot": Value("str", "yes or no."), "backup_file": Value("str", "Where the old table was kept, or nothing."),
    },
    "ansible.posix.sysctl": {},
    "certificate": {**_PLACE, "path": Value("str", "The certificate."), "key_path": Value("str", "Its key."),
                    "renewed": Value("bool", "Whether it was made because the old one ends soon."),
                    "not_after": Value("str", "Until when it is valid.", "when there is one")},
    "community.general.archive": {
        **_PLACE, "dest": Value("str", "The archive."),
        "dest_state": Value("str", "archive, compress, incomplete (a path is missing) or absent."),
        "archived": Value("list", "What is in it."), "missing": Value("list", "Paths that are not there."),
        "arcroot": Value("str", "Where the names begin."), "expanded_paths": Value("list", "What `path` means."),
        "expanded_exclude_paths": Value("list", "As asked for."),
    },
    "community.general.ini_file": {**_PLACE, "path": Value("str", "The file."), **_BACKUP},
    "community.general.listen_ports_facts": {
        "ansible_facts": Value("dict", f"{_FACTS}: `tcp_listen` and `udp_listen`.")},
    "community.general.modprobe": {**_NAME, **_STATE, "params": Value("str", "As asked for.")},
}
# Values of Ansible's that are not returned, and why.
LACKING: Mapping[str, Mapping[str, str]] = {
    "ansible.builtin.dnf5": {"failures": "they are in `msg`"},
    "ansible.builtin.get_url": {"src": "there a temporary file, gone by then",
                                "secontext": "labels of SELinux are not looked at"},
    "ansible.builtin.git": dict.fromkeys(("git_dir_before", "git_dir_now"), "`separate_git_dir` is not supported"),
    "ansible.builtin.mount_facts": {"warnings": "a mount that is listed twice is no reason for one"},
    "ansible.builtin.unarchive": {"extract_results": "no program unpacks"},
    "ansible.builtin.user": dict.fromkeys(("stdout", "stderr"), "what useradd says is shown where it fails, in `msg`"),
    "ansible.posix.authorized_key": dict.fromkeys(
        ("key_option", "unique"), "documented there, and returned by none; `key_options` is"),
}
# Canonical name of a module -> name of a value -> what it is.
RETURNED: Mapping[str, Values] = {
    **{f"ansible.builtin.{name}": values for name, values in _BUILTIN.items()},
    **{f"ansible.builtin.{name}": _DNF for name in ("dnf5", "yum")}, **_OTHERS,
}
