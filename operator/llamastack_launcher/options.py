"""What `serve` is told. Read by hand: argparse takes longer to import than all else together.

This file must be readable by Python 3.6.
"""


class UsageError(ValueError):
    """The options are not what they have to be."""


class Options:
    """The options of `serve`.

    Attributes:
        config: path of the run config.
        port: the TCP port to serve on.
        release: package and version in the image; None to look it up.
        termination_log: where to say why the server failed; None for nowhere.
        bytecode_cache: a folder of this pod for bytecode; None for no cache.
        secrets: names of variables whose values are secret.
        public: names of variables whose values are not.
        others_secret: whether the values of all other variables are taken for secrets.
    """

    def __init__(self, arguments: "list[str]") -> None:
        self.config = ""
        self.port = 0
        self.release = None  # type: tuple[str, str] | None
        self.termination_log = None  # type: str | None
        self.bytecode_cache = None  # type: str | None
        self.secrets = []  # type: list[str]
        self.public = []  # type: list[str]
        self.others_secret = False
        self._left = list(arguments)
        while self._left:
            self._read(self._left.pop(0))
        if not self.config or not self.port:
            raise UsageError("--config and --port are needed")

    def _read(self, name: str) -> None:
        if name == "--config":
            self.config = self._next(name)
        elif name == "--port":
            self.port = self._number(name)
        elif name == "--release":
            self.release = (self._next(name), self._next(name))
        elif name == "--termination-log":
            self.termination_log = self._next(name)
        elif name == "--bytecode-cache":
            self.bytecode_cache = self._next(name)
        elif name == "--secret":
            self.secrets.append(self._next(name))
        elif name == "--public":
            self.public.append(self._next(name))
        elif name == "--others-secret":
            self.others_secret = True
        else:
            raise UsageError("unknown option " + name)

    def _next(self, name: str) -> str:
        if not self._left:
            raise UsageError(name + " lacks its value")
        return self._left.pop(0)

    def _number(self, name: str) -> int:
        text = self._next(name)
        if not all(digit in "0123456789" for digit in text or "-"):
            raise UsageError(name + " is no number")
        return int(text)
