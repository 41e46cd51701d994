"""What a pod's template itself runs, with `python3 -c`: the start program, if it is the one that the operator wrote.

Who may change a namespace's ConfigMaps can put a program of his own where the start program lies, and have it run in
pods of others. So its digest stands in the template, and the bytes that were compared are those that run: a private
copy of them, never the file again. The text must run on Python 3.6, and Kubernetes replaces `$(NAME)` in it.
"""

from __future__ import annotations

from typing import Literal

BOOTSTRAP = r"""import sys
if sys.path[:1] == [""]:
    del sys.path[0]  # nothing of the working directory is imported
import hashlib, os
program, digest, config_map, mode, *options = sys.argv[1:]

def end(status, text, message):
    sys.stderr.write(text + "\n")
    if "--termination-log" in options[:-1]:
        try:
            with open(options[options.index("--termination-log") + 1], "w") as log:
                log.write(message)
        except OSError:
            pass
    sys.exit(status)

def refuse(why):
    text = "the start program in ConfigMap %s is not the one that the operator wrote: %s" % (config_map, why)
    end(1, text, text)

def python_of_release():
    # The interpreter that the release's own command names in its first line, where that is another one.
    for script in [os.path.join(folder, name) for name in ("ogx", "llama") for folder in os.get_exec_path()]:
        try:
            with open(script, "rb") as stream:
                first, second = (stream.read(4096).decode("utf-8", "replace") + "\n\n").split("\n")[:2]
        except OSError:
            continue
        found = first[2:].strip() if first.startswith("#!") else ""
        if second.startswith("'''exec'"):  # how a path is written that no first line can hold
            found = second[8:].partition(' "$0"')[0].strip(" \"'")
            if not found.startswith("/"):
                found = os.path.join(os.path.dirname(os.path.realpath(script)), "python")
        if os.path.basename(found).startswith("python") and os.access(found, os.X_OK):
            return found if place(found) != place(sys.executable or "") else None

def place(python):
    # With its folder: an interpreter of a virtual environment is a link to the one that it was made with.
    return os.path.realpath(os.path.dirname(python)), os.path.realpath(python)

try:
    with open(program, "rb") as stream:
        data = stream.read()
except OSError as error:
    refuse("%s: %s" % (program, error.strerror))
if hashlib.sha256(data).hexdigest() != digest:
    refuse("its SHA-256 is another one")
private = "/tmp/llamastack-%s-%s.pyz" % (mode, digest[:16])
try:
    if os.path.lexists(private):
        os.unlink(private)  # of an earlier start of this container
    with open(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)
except OSError as error:
    text = "the start program cannot be written to %s: %s" % (private, error.strerror)
    checks = mode == "check"  # which never keeps a server from its start where it cannot be made
    end(0 if checks else 1, text, '[1,"CheckFailed","",[0,0,0,0],false,"%s"]' % text if checks else text)
python = python_of_release()
if python:
    os.execv(python, [python, private, mode] + options)
sys.argv[:] = [private, mode] + options
sys.path.insert(0, private)
from llamastack_launcher.__main__ import run
run()
"""


def bootstrap_command(
    program: str, sha256: str, config_map: str, mode: Literal["check", "serve"], *options: str
) -> list[str]:
    """Return the command of a container that runs the start program.

    Args:
        program: path of the start program's file.
        sha256: what the file has to have.
        config_map: name of the ConfigMap that it comes from, for messages.
        mode: which of its programs.
        options: of that program; `--termination-log F` is read here too.
    """
    return ["python3", "-c", BOOTSTRAP, program, sha256, config_map, mode, *options]
