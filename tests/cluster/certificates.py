"""The certificate authority of one test cluster, by the ``openssl`` command.

Every certificate carries what RFC 5280 asks for (basicConstraints, keyUsage, key identifiers): Python 3.13 verifies
strictly and refuses chains that Go accepts, and the operator is a Python client.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from tests.cluster.errors import CannotRunError, ClusterError

DAYS = "30"
_CONFIGURATION = """\
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""
_LEAF = """\
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth,clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of a PEM certificate and of its key."""

    crt: Path
    key: Path


def _openssl(*arguments: str | Path) -> None:
    result = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if result.returncode:
        raise ClusterError(f"openssl {arguments[0]} failed: {result.stderr.strip()}")


def _subject(common_name: str, organizations: Iterable[str]) -> str:
    parts = [f"O={name}" for name in organizations] + [f"CN={common_name}"]
    return "".join("/" + part.replace("\\", "\\\\").replace("/", "\\/") for part in parts)


def _alternative_name(name: str) -> str:
    try:
        return f"IP:{ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


class Authority:
    """Issues the certificates of one cluster into one folder."""

    def __init__(self, folder: Path) -> None:
        """Use the authority of ``folder``, and make it when there is none yet.

        Raises:
            CannotRunError: there is no ``openssl`` command.
        """
        if shutil.which("openssl") is None:
            raise CannotRunError("the openssl command is missing; the test bed makes its certificates with it")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._configuration = folder / "ca.cnf"
        self.certificate = Certificate(folder / "ca.crt", folder / "ca.key")
        if self.certificate.crt.exists():
            return
        self._configuration.write_text(_CONFIGURATION)
        common = ("-config", self._configuration, "-extensions", "ca", "-subj", "/CN=llamastack-test-ca", "-days", DAYS)
        keys = ("-newkey", "rsa:2048", "-nodes", "-keyout", self.certificate.key, "-out", self.certificate.crt)
        _openssl("req", "-x509", *keys, *common)

    def issue(self, common_name: str, organizations: Iterable[str] = (), names: Iterable[str] = ()) -> Certificate:
        """Issue a certificate for a client or a server; issuing the same subject again replaces it.

        Args:
            common_name: the user name Kubernetes sees.
            organizations: the groups Kubernetes sees.
            names: DNS names and IP addresses a server is reached by.
        """
        stem = self._folder / re.sub(r"[^A-Za-z0-9.-]", "_", common_name)
        issued = Certificate(stem.with_name(stem.name + ".crt"), stem.with_name(stem.name + ".key"))
        request = stem.with_name(stem.name + ".csr")
        extensions = stem.with_name(stem.name + ".cnf")
        alternatives = ",".join(map(_alternative_name, names))
        extensions.write_text(_LEAF + (f"subjectAltName = {alternatives}\n" if alternatives else ""))
        subject = ("-subj", _subject(common_name, organizations), "-config", self._configuration)
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", issued.key, "-out", request, *subject)
        signer = ("-CA", self.certificate.crt, "-CAkey", self.certificate.key, "-CAcreateserial", "-days", DAYS)
        _openssl(
            "x509", "-req", "-in", request, *signer, "-out", issued.crt, "-extfile", extensions, "-extensions", "leaf"
        )
        return issued

    def signing_key(self) -> Path:
        """Key that signs service account tokens."""
        key = self._folder / "service-accounts.key"
        if not key.exists():
            _openssl("genrsa", "-out", key, "2048")
        return key
