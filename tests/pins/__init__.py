"""The exact version of every package that tests install from an index, beside those that the catalog has.

A package that is named without its version, or brought by another one, is another package tomorrow: a test would fail
with no change of ours. `python -m tests.pins` writes the files anew; README.md says when.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
# Real provider packages. Their versions are part of what the tests say.
CSOAI, FMS = "llama-stack-provider-csoai==0.1.0", "llama-stack-provider-trustyai-fms==0.4.0"
OLD_FMS = "llama-stack-provider-trustyai-fms==0.3.2"
RAGAS = ("llama-stack-provider-ragas==0.7.0", "langchain-community<0.4")
MODULES = {"0.2.23": (OLD_FMS,), "0.7.3": (CSOAI, FMS)}
"""What is installed on a release beside what its install plan has."""
RAGAS_RELEASE, RAGAS_PINS = "0.6.0", "ragas"
HELD_FOR_RAGAS = ("llama-stack-api", "mcp", "fastapi", "starlette", "pydantic", "sqlalchemy")
"""What ragas leaves of the catalog's constraints: it pins greenlet and, through instructor, versions of rich and
jiter; so what the release itself needs is held, and nothing else."""


def pins(name: str) -> tuple[str, ...]:
    """Return the requirements of a file, each with its exact version; none where there is no such file.

    Args:
        name: a release, whose file has what the catalog's constraints have not; or `RAGAS_PINS`.
    """
    file = FOLDER / f"{name}.txt"
    return tuple(file.read_text().splitlines()) if file.exists() else ()
