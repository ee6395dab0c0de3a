"""Each of this worker's volumes is mounted, now and after a boot."""

GROUPS = ("worker",)
WHEN = "local_volumes > 0"


def test_every_volume_is_mounted_now_and_after_a_boot(host, variables):
    numbers = range(1, variables["local_volumes"] + 1)
    wanted = {f"{variables['local_volumes_mounts']}/volume-{number}" for number in numbers}
    for path in ("/proc/self/mounts", "/etc/fstab"):
        lines = [line.split() for line in host.file(path).content_string.splitlines()]
        assert wanted <= {words[1] for words in lines if len(words) > 1}


def test_the_data_is_closed_to_others(host, variables):
    for name in ("local_volumes_directory", "local_volumes_mounts"):
        assert host.file(variables[name]).mode == 0o700
