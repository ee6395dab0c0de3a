"""The host has the packages, modules and kernel settings that Kubernetes stands on."""

GROUPS = ("control_plane", "etcd", "worker")


def test_packages_are_installed(host, variables):
    shown = host.check_output("dpkg-query --show --showformat='${Package} ${db:Status-Status}\\n'")
    installed = {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")}
    assert set(variables["base_packages"] + variables["base_group_packages"]) <= installed


def test_kernel_settings_are_in_force(host, variables):
    wanted = variables["base_network_sysctls"] | variables["base_kernel_sysctls"]
    paths = ["/proc/sys/" + name.replace(".", "/") for name in wanted]
    found = host.check_output("cat " + " ".join(["%s"] * len(paths)), *paths).splitlines()
    assert dict(zip(wanted, found, strict=True)) == wanted


def test_kernel_settings_are_in_force_after_a_boot(host, variables):
    written = host.file("/etc/sysctl.d/99-kubernetes.conf").content_string.splitlines()
    wanted = variables["base_network_sysctls"] | variables["base_kernel_sysctls"]
    assert {f"{name}={value}" for name, value in wanted.items()} <= {line.replace(" ", "") for line in written}


def test_kernel_modules_are_loaded_now_and_at_boot(host, variables):
    for module in variables["base_kernel_modules"]:
        assert host.file(f"/sys/module/{module}").exists
        assert host.file(f"/etc/modules-load.d/{module}.conf").exists


def test_swap_is_off(host, variables):
    if variables["base_swap_managed"]:
        assert host.file("/proc/swaps").content_string.count("\n") == 1


def test_the_clock_is_kept_right(host, variables):
    if variables["base_time_sync_enabled"]:
        assert host.service(variables["base_time_service"]).is_running
