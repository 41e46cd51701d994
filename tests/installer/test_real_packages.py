"""Real provider packages from the default index on a real release: what the examples use."""

import json
import os
import subprocess
from pathlib import Path

from tests.installer.workbench import Inputs, index_proxy, install
from tests.matrix import full_matrix
from tests.pins import CSOAI, FMS, pins


@full_matrix
def test_two_modules_of_others_on_llama_stack_073(base: Path, tools: Path, tmp_path: Path):
    root = tmp_path / "root"
    inputs = Inputs(root, (FMS, CSOAI), (FMS, CSOAI), constraints=pins("0.7.3"))
    build = inputs.write(tmp_path / "in")
    authorities = Path(os.environ.get("SSL_CERT_FILE", "/nowhere"))
    with index_proxy(build, certificate=authorities) as url:
        result = install(base, tools, build, "--index", url)
        assert result.code == 0, result.output
        first = (root / "llamastack.json").read_bytes()
        inputs.lock = json.loads(first)["lock"]
        again = install(base, tools, inputs.write(tmp_path / "in"), "--index", url)

    assert again.code == 0, again.output
    assert (root / "llamastack.json").read_bytes() == first
    record = json.loads(first)
    assert [(item["importName"], item["version"], item["providers"]) for item in record["modules"]] == [
        ("llama_stack_provider_trustyai_fms", "0.4.0", [{"api": "safety", "type": "remote::trustyai_fms"}]),
        ("llama_stack_provider_csoai", "0.1.0", [{"api": "eval", "type": "remote::csoai"}]),
    ]
    # csoai's dependency on llama-stack is what the base has, and stays there.
    assert not [item for item in record["installed"] if item["name"].startswith("llama")][2:]
    packages = root / "lib" / "python3.12" / "site-packages"
    question = "import llama_stack_provider_csoai.provider, llama_stack; print(llama_stack.__file__)"
    asked = subprocess.run(
        [base, "-c", question], env={"PYTHONPATH": str(packages)}, capture_output=True, text=True, check=True
    )
    assert str(root) not in asked.stdout
    assert asked.stdout
