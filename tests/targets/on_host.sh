#!/bin/bash
# Runs on the test host: one target with one tool, in a root file system that is thrown away afterwards.
#   on_host.sh TOOL NAME KIND SECONDS [whole]
# TOOL oracle|ours. whole: on the host itself, for targets that need its init system (the host is made anew after it).
set -u
tool=$1 name=$2 kind=$3 seconds=$4 whole=${5:-}
base=/opt/targets

run_inside() {
    export HOME=/root LC_ALL=C.UTF-8 LANG=C.UTF-8 TERM=dumb PAGER=/bin/cat
    export PATH=$base/bin/$tool:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    integration=$base/test/integration
    export OUTPUT_DIR=$integration/output/$name ANSIBLE_CONFIG=$base/ansible.cfg
    export INVENTORY_PATH=$integration/inventory
    export ANSIBLE_FORCE_COLOR=false ANSIBLE_FORCE_HANDLERS=true ANSIBLE_HOST_PATTERN_MISMATCH=error
    export ANSIBLE_INVENTORY=/dev/null ANSIBLE_DEPRECATION_WARNINGS=false ANSIBLE_HOST_KEY_CHECKING=false
    export ANSIBLE_RETRY_FILES_ENABLED=false ANSIBLE_LIBRARY=/dev/null ANSIBLE_DEVEL_WARNING=false
    export ANSIBLE_PYTHON_INTERPRETER=/set/ansible_python_interpreter/in/inventory
    export ANSIBLE_TEST_CI=local ANSIBLE_TEST_COVERAGE= ANSIBLE_TEST_ANSIBLE_VERSION=2.19.14
    export ANSIBLE_TEST_PYTHON_INTERPRETER=$base/$tool/bin/python ANSIBLE_TEST_PYTHON_VERSION=3.11
    export ANSIBLE_PLAYBOOK_DIR=$integration
    mkdir -p "$OUTPUT_DIR"
    hostname -F /etc/hostname 2>/dev/null
    if [ "$kind" = script ]; then
        cd "$integration/targets/$name" || exit 98
        ANSIBLE_PLAYBOOK_DIR=$PWD exec timeout -k 5 "$seconds" ./runme.sh -v
    fi
    gather=true
    grep -qs '^gather_facts/no' "$integration/targets/$name/aliases" && gather=false
    cd "$integration" || exit 98
    printf '[{"hosts": "testhost", "gather_facts": %s, "vars": {"output_dir": "%s"}, "roles": ["%s"]}]\n' \
        "$gather" "$OUTPUT_DIR" "$name" > "$name-run.yml"
    export ANSIBLE_ROLES_PATH=$integration/targets
    while read -r setting; do export "${setting?}"; done < <(sed -n 's,^env/set/\([A-Z_]*\)/\(.*\)$,\1=\2,p' "targets/$name/aliases" 2>/dev/null)
    exec timeout -k 5 "$seconds" ansible-playbook "$name-run.yml" -i inventory -v
}

if [ "${INSIDE:-}" ]; then
    run_inside
elif [ "$whole" ]; then
    INSIDE=1 exec "$0" "$@"
fi

export INSIDE=1
# shellcheck disable=SC2016
exec unshare --mount --pid --fork --kill-child --propagation private /bin/bash -c '
    set -e
    work=/mnt
    mount -t tmpfs targets $work
    mkdir -p $work/root $work/up $work/w $work/up-lib $work/w-lib
    mount -t overlay overlay -o lowerdir=/,upperdir=$work/up,workdir=$work/w $work/root
    mount -t overlay overlay -o lowerdir=/var/lib,upperdir=$work/up-lib,workdir=$work/w-lib $work/root/var/lib
    mount -t proc proc $work/root/proc
    for part in dev sys run; do mount --rbind /$part $work/root/$part; done
    mount -t tmpfs tmp $work/root/tmp -o mode=1777
    exec chroot $work/root "$0" "$@"
' "$0" "$@"
