"""The settings of Ansible that the lookup `config` tells, with their defaults.

Those are here whose default is a plain value and that can mean something to a playbook: none of colors, of Galaxy, of
plug-ins' folders, of what Ansible's programs do inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.modules.parameters import TRUE

_TRUE = """
ACTION_WARNINGS AGNOSTIC_BECOME_PROMPT ALLOW_EMBEDDED_TEMPLATES DEFAULT_JINJA2_NATIVE DEFAULT_UNDEFINED_VAR_BEHAVIOR
DEPRECATION_WARNINGS DEVEL_WARNING DISPLAY_SKIPPED_HOSTS ERROR_ON_MISSING_HANDLER HOST_KEY_CHECKING INJECT_FACTS_AS_VARS
INVALID_TASK_ATTRIBUTE_FAILED INVENTORY_UNPARSED_WARNING LOCALHOST_WARNING SYSTEM_WARNINGS TASK_DEBUGGER_IGNORE_ERRORS
"""
_FALSE = """
ALLOW_BROKEN_CONDITIONALS ANSIBLE_FORCE_COLOR ANSIBLE_NOCOLOR ANSIBLE_NOCOWS ANSIBLE_PIPELINING ANY_ERRORS_FATAL
BECOME_ALLOW_SAME_USER DEFAULT_ALLOW_UNSAFE_LOOKUPS DEFAULT_ASK_PASS DEFAULT_ASK_VAULT_PASS DEFAULT_BECOME
DEFAULT_BECOME_ASK_PASS DEFAULT_DEBUG DEFAULT_FORCE_HANDLERS DEFAULT_KEEP_REMOTE_FILES DEFAULT_LOAD_CALLBACK_PLUGINS
DEFAULT_NO_LOG DEFAULT_NO_TARGET_SYSLOG DEFAULT_PRIVATE_ROLE_VARS DEFAULT_VAULT_ID_MATCH DIFF_ALWAYS
DISPLAY_ARGS_TO_STDOUT ENABLE_TASK_DEBUGGER INVENTORY_ANY_UNPARSED_IS_FAILED INVENTORY_EXPORT
INVENTORY_UNPARSED_IS_FAILED RETRY_FILES_ENABLED SHOW_CUSTOM_STATS USE_PERSISTENT_CONNECTIONS VERBOSE_TO_STDERR
"""
_NOTHING = """
BECOME_PASSWORD_FILE CACHE_PLUGIN_CONNECTION CONNECTION_PASSWORD_FILE DEFAULT_BECOME_EXE DEFAULT_LOG_PATH
DEFAULT_NULL_REPRESENTATION DEFAULT_PRIVATE_KEY_FILE DEFAULT_REMOTE_PORT DEFAULT_VAULT_ENCRYPT_IDENTITY
DEFAULT_VAULT_PASSWORD_FILE LOG_VERBOSITY PLAYBOOK_DIR RETRY_FILES_SAVE_PATH VAULT_ENCRYPT_SALT
"""
_NO_LIST = """
CALLBACKS_ENABLED DEFAULT_JINJA2_EXTENSIONS DEFAULT_LOG_FILTER DEFAULT_VAULT_IDENTITY_LIST TAGS_RUN TAGS_SKIP
"""

CONSTANTS: Mapping[str, Any] = {
    **dict.fromkeys(_TRUE.split(), True),
    **dict.fromkeys(_FALSE.split(), False),
    **dict.fromkeys(_NOTHING.split()),
    **{name: [] for name in _NO_LIST.split()},
    "CACHE_PLUGIN": "memory",
    "CACHE_PLUGIN_PREFIX": "ansible_facts",
    "CACHE_PLUGIN_TIMEOUT": 86400,
    "DEFAULT_BECOME_FLAGS": "",
    "DEFAULT_BECOME_METHOD": "sudo",
    "DEFAULT_BECOME_USER": "root",
    "DEFAULT_EXECUTABLE": "/bin/sh",
    "DEFAULT_FORKS": 5,
    "DEFAULT_GATHERING": "implicit",
    "DEFAULT_HASH_BEHAVIOUR": "replace",
    "DEFAULT_HOST_LIST": ["/etc/ansible/hosts"],
    "DEFAULT_INTERNAL_POLL_INTERVAL": 0.001,
    "DEFAULT_MANAGED_STR": "Ansible managed",
    "DEFAULT_MODULE_NAME": "command",
    "DEFAULT_POLL_INTERVAL": 15,
    "DEFAULT_SELINUX_SPECIAL_FS": ["fuse", "nfs", "vboxsf", "ramfs", "9p", "vfat"],
    "DEFAULT_STDOUT_CALLBACK": "default",
    "DEFAULT_STRATEGY": "linear",
    "DEFAULT_SYSLOG_FACILITY": "LOG_USER",
    "DEFAULT_TIMEOUT": 10,
    "DEFAULT_TRANSPORT": "ssh",
    "DEFAULT_VAULT_IDENTITY": "default",
    "DEFAULT_VERBOSITY": 0,
    "DIFF_CONTEXT": 3,
    "DUPLICATE_YAML_DICT_KEY": "warn",
    "FACTS_MODULES": ["smart"],
    "HOST_PATTERN_MISMATCH": "warning",
    "INVENTORY_ENABLED": ["host_list", "script", "auto", "yaml", "ini", "toml"],
    "MAX_FILE_SIZE_FOR_DIFF": 104448,
    "PERSISTENT_COMMAND_TIMEOUT": 30,
    "PERSISTENT_CONNECT_RETRY_TIMEOUT": 15,
    "PERSISTENT_CONNECT_TIMEOUT": 30,
    "PLAYBOOK_VARS_ROOT": "top",
    "RUN_VARS_PLUGINS": "demand",
    "STRING_TYPE_FILTERS": ["string", "to_json", "to_nice_json", "to_yaml", "to_nice_yaml", "ppretty", "json"],
    "TASK_TIMEOUT": 0,
    "TRANSFORM_INVALID_GROUP_CHARS": "never",
    "VARIABLE_PLUGINS_ENABLED": ["host_group_vars"],
    "YAML_FILENAME_EXTENSIONS": [".yml", ".yaml", ".json"],
}
# What sets them in the environment, where that is not ANSIBLE_ and the name without DEFAULT_ or ANSIBLE_.
_VARIABLES = {
    "DEFAULT_HOST_LIST": "ANSIBLE_INVENTORY",
    "DEFAULT_UNDEFINED_VAR_BEHAVIOR": "ANSIBLE_ERROR_ON_UNDEFINED_VARS",
    "INJECT_FACTS_AS_VARS": "ANSIBLE_INJECT_FACT_VARS",
    "INVENTORY_UNPARSED_IS_FAILED": "ANSIBLE_INVENTORY_UNPARSED_FAILED",
    "MAX_FILE_SIZE_FOR_DIFF": "ANSIBLE_MAX_DIFF_SIZE",
    "TAGS_RUN": "ANSIBLE_RUN_TAGS",
    "TAGS_SKIP": "ANSIBLE_SKIP_TAGS",
    "VARIABLE_PLUGINS_ENABLED": "ANSIBLE_VARS_ENABLED",
    "YAML_FILENAME_EXTENSIONS": "ANSIBLE_YAML_FILENAME_EXT",
}


def variable_of(name: str) -> str:
    """The variable of the environment that sets it."""
    return _VARIABLES.get(name) or "ANSIBLE_" + name.removeprefix("DEFAULT_").removeprefix("ANSIBLE_")


def constant(name: str, environment: Mapping[str, str]) -> Any:
    """Its value: the environment's, else the default. Raises KeyError, and ValueError for a number that is none."""
    default = CONSTANTS[name]
    text = environment.get(variable_of(name))
    if text is None:
        return default
    if isinstance(default, bool):
        return text.strip().lower() in TRUE
    if isinstance(default, (int, float)):
        return type(default)(text)
    return [part.strip() for part in text.split(",")] if isinstance(default, list) else text
