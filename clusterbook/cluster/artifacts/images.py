"""Make the catalog's images around files of locked components; the result is kept in the cache like any other file."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from clusterbook.cluster.artifacts.catalog import Image
from clusterbook.cluster.artifacts.events import Event
from clusterbook.cluster.artifacts.lock import short_digest
from clusterbook.cluster.artifacts.oci import Contents, Settings, read_index, write_image
from clusterbook.cluster.artifacts.programs import output
from clusterbook.cluster.artifacts.supply import Supplied, Supply, supply

# Raised when this module or oci.py changes what it writes.
IMAGE_FORMAT = 1
ARCHIVE_MODE = 0o444
# So that nobody takes an image that was made here for its vendor's own, whose name it carries.
LABEL = "org.opencontainers.image.source"
USERS = "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"
GROUP = "root:x:0:\nnobody:x:65534:\n"


@dataclass(frozen=True)
class ImageArchive:
    """An image in the cache. archive: its tar, with this sha256; digest: of the manifest, as a registry has it."""

    image: Image
    archive: Path
    sha256: str
    digest: str

    @property
    def registry(self) -> str:
        """The host in the image's name."""
        return self.image.reference.split("/", 1)[0]

    @property
    def repository(self) -> str:
        """The path in the image's name, without host and tag."""
        return self.image.reference.split("/", 1)[1].rsplit(":", 1)[0]

    @property
    def tag(self) -> str:
        """The tag in the image's name."""
        return self.image.reference.rsplit(":", 1)[1]


def supply_image(settings: Supply, image: Image) -> ImageArchive:
    """The image, from the cache or made now."""
    supplied = supply(settings, image.component)
    name = f"{image.path}/{_recipe(image, supplied)}"
    toolchain = f"zlib-{zlib.ZLIB_RUNTIME_VERSION}"
    with settings.cache.held(image.path):
        recorded = settings.cache.record(name, toolchain)
        sha256 = recorded["archive"] if recorded else _make(settings, image, supplied)
        settings.cache.write_record(name, toolchain, {"archive": sha256})
    archive = settings.cache.find(sha256)
    assert archive is not None
    settings.report(Event(image.path, "cached" if recorded else "done", "image"))
    return ImageArchive(image, archive, sha256, read_index(archive)["digest"])


def _recipe(image: Image, supplied: Supplied) -> str:
    plain = {key: value for key, value in asdict(image).items() if key != "component" and value != ""}
    return short_digest([IMAGE_FORMAT, plain, dict(supplied.sums)])


def _make(settings: Supply, image: Image, supplied: Supplied) -> str:
    settings.report(Event(image.path, "started", image.reference))
    files = {path: supplied.files[file] for path, file in image.files.items()}
    runs = Settings(image.component.architecture, image.entrypoint, image.command, image.user, image.workdir,
                    image.environment, {LABEL: "clusterbook"})  # fmt: skip
    with settings.cache.workspace() as folder:
        links = _applets(image, files, folder)
        tree = supplied.files[image.tree] if image.tree else None
        contents = Contents(files, links, {"/etc/passwd": USERS, "/etc/group": GROUP}, tree)
        target = folder / "image.tar"
        write_image(target, image.reference, contents, runs)
        return settings.cache.add(target, ARCHIVE_MODE)


def _applets(image: Image, files: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """Links beside a program with many names, as it lists them itself when it is called by its own."""
    if not image.applets:
        return {}
    path = PurePosixPath(image.applets)
    program = folder / path.name
    program.symlink_to(files[image.applets])
    return {
        str(path.with_name(name)): path.name for name in output([str(program), "--list"]).split() if name != path.name
    }
