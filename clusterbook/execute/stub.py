"""The few lines that every host runs first: find the agent's code in the cache or take it from the connection.

They are passed as an argument to `python3 -I -S -c`, so they hold no secret. `-S` leaves out the directories of other
packages, which nothing here uses. importlib.abc is left out too: with all that it loads it costs as much as the agent.

They say one line, `CLUSTERBOOK have|need PYTHON MAGIC`; after `need` they read 8 bytes of length and the payload:
source that must have the wanted SHA-256, or after a `C` what a Python with the same MAGIC number has compiled of it (to
compile takes a second of processor on each host). The compiled code is kept in a directory that only its owner can
write; its own hash is checked before it is loaded again. It is compressed module by module: half of them is never used.
What only a rare host needs is loaded there (hashlib brings OpenSSL, 3 ms; json as much).
"""

from __future__ import annotations

STUB = r'''
import sys
if sys.version_info < (3, 9):
    sys.stdout.write("CLUSTERBOOK old %d.%d\n" % sys.version_info[:2])
    sys.exit(0)
import gc
gc.disable()
import marshal, os, stat, zlib
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER
try:
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b
WANTED = sys.argv[1]
ROOT = "/var/lib/clusterbook" if os.geteuid() == 0 else os.path.expanduser("~/.local/state/clusterbook")
FOLDER = os.path.join(ROOT, "agent")
PATH = os.path.join(FOLDER, "code-" + WANTED[:32] + "-" + sys.implementation.cache_tag)
def private(path):
    found = os.lstat(path)
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022 and not stat.S_ISLNK(found.st_mode)
def cached():
    try:
        if not (private(ROOT) and private(FOLDER) and private(PATH)):
            return None
        with open(PATH, "rb") as file:
            data = file.read()
    except OSError:
        return None
    code = memoryview(data)[64:]
    return marshal.loads(code) if blake2b(code).digest() == data[:64] else None
def exactly(count):
    parts = []
    while count:
        part = os.read(0, min(count, 262144))
        if not part:
            sys.exit(0)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
def received():
    data = memoryview(exactly(int.from_bytes(exactly(8), "big")))
    data = data[1:] if data[:1] == b"C" else compiled(zlib.decompress(data))
    try:
        keep(data)
    except OSError:
        pass
    return marshal.loads(data)
def compiled(text):
    import hashlib, json
    if hashlib.sha256(text).hexdigest() != WANTED:
        sys.stderr.write("the agent's code was damaged on its way\n")
        sys.exit(1)
    code = lambda name, text: compile(text, "<clusterbook>/" + name, "exec", dont_inherit=True)
    return marshal.dumps({name: (package, zlib.compress(marshal.dumps(code(name, text)), 1))
                          for name, (package, text) in json.loads(text).items()})
def keep(data):
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
    temporary = PATH + "." + str(os.getpid())
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(blake2b(data).digest())
        file.write(data)
    os.replace(temporary, PATH)
    for name in os.listdir(FOLDER):
        if name.startswith("code-") and os.path.join(FOLDER, name) != PATH:
            os.unlink(os.path.join(FOLDER, name))
class Finder:
    def __init__(self, modules):
        self.modules = modules
    def find_spec(self, name, path=None, target=None):
        if name not in self.modules:
            return None
        return ModuleSpec(name, self, is_package=self.modules[name][0])
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(marshal.loads(zlib.decompress(self.modules[module.__name__][1])), module.__dict__)
modules = cached()
MAGIC = MAGIC_NUMBER.hex()
sys.stdout.write("CLUSTERBOOK %s %d.%d %s\n" % (("have" if modules else "need",) + sys.version_info[:2] + (MAGIC,)))
sys.stdout.flush()
if modules is None:
    modules = received()
sys.meta_path.insert(0, Finder(modules))
from clusterbook.agent.start import main
gc.freeze()
gc.enable()
main()
'''

INTERPRETERS = "python3 /usr/bin/python3 /usr/local/bin/python3 /usr/libexec/platform-python"


def launch_command(digest: str, interpreter: str | None) -> list[str]:
    """The program to start on a host. interpreter: ansible_python_interpreter, None to look for one."""
    if interpreter:
        return [interpreter, "-I", "-S", "-c", STUB, digest]
    search = (
        f'for p in {INTERPRETERS}; do command -v "$p" >/dev/null 2>&1 && exec "$p" -I -S -c "$@"; done; '
        "echo CLUSTERBOOK none -; exit 0"
    )
    return ["/bin/sh", "-c", search, "sh", STUB, digest]
