# Makes what the base has into constraints for pip, and lets the new environment import it.
import importlib.metadata
import pathlib
import re
import sys
import sysconfig

scratch, root = map(pathlib.Path, sys.argv[1:])


def key(text: str) -> str:
    name = re.match("[A-Za-z0-9._-]*", text)
    return re.sub("[-_.]+", "-", name[0] if name else "").lower()


base: dict[str, str] = {}
for found in importlib.metadata.distributions():
    name, version = found.metadata["Name"], found.version or ""
    if name and re.fullmatch(r"[0-9]+(![0-9]+)?([A-Za-z.+_-][A-Za-z0-9.+_-]*)?", version):
        base.setdefault(key(name), f"{name}=={version}")
own = [line for line in (scratch / "own.txt").read_text().splitlines() if key(line) not in base]
(scratch / "constraints.txt").write_text("\n".join([*base.values(), *own, ""]))
sites = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
target = root / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
(target / "_llamastack_base.pth").write_text(f"import site; [site.addsitedir(path) for path in {sites!r}]\n")
