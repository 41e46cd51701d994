"""Whatever a plan holds, its Containerfile is lines that the shell reads as exactly that."""

import re
import shlex
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llamastack_operator.planning.install import containerfile
from llamastack_operator.planning.install.containerfile import Recipe, render
from llamastack_operator.planning.install.install_plan import InstallPlan, install_plan
from llamastack_operator.planning.install.requirements import Wanted

RECIPE = Recipe(base="registry.example/base:1", command=["llama", "stack", "run", "x"], config="/etc/x.yaml")
SCRIPTS = Path(containerfile.__file__).with_name("scripts")
# What a marker's quoted value may hold, the shell's and the Containerfile's own signs among it.
values = st.text(alphabet=string.ascii_letters + '$`\\"#;&|<>(){}*?!~ -=%', max_size=20)
requirements = values.map(lambda value: f"some-package>=1; platform_version == '{value}'")


def commands(text: str) -> list[str]:
    """Return what each RUN gives to the shell, as a builder joins it."""
    joined = re.sub(r"\\\n", "", text)
    return [line.removeprefix("RUN ") for line in joined.splitlines() if line.startswith("RUN ")]


def plan_of(*texts: str) -> InstallPlan:
    return install_plan({}, None, image="registry.example/base:1", release=None, requirements=[*map(Wanted, texts)])


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@settings(deadline=None)
@given(st.lists(requirements, min_size=1, max_size=3))
def test_a_requirement_reaches_pip_as_it_was_written(texts: list[str]) -> None:
    plan = plan_of(*texts)
    assume(not plan.has_errors)
    text = render(plan, RECIPE)

    words = [word for command in commands(text) for word in shlex.split(command)]
    assert {word.rstrip(";") for word in words} >= {one.rstrip(";") for one in plan.layers[0].requirements}
    assert all(subprocess.run(["sh", "-nc", command], check=False).returncode == 0 for command in commands(text))


@settings(deadline=None)
@given(st.text(max_size=40))
def test_a_name_stays_in_its_comment(name: str) -> None:
    text = render(plan_of("a"), Recipe(RECIPE.base, RECIPE.command, RECIPE.config, name=name, directories=[name]))

    instructions = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert {line.split()[0] for line in instructions} <= {
        *("FROM", "ARG", "USER", "RUN", "ENV", "WORKDIR", "EXPOSE", "ENTRYPOINT", "CMD")
    }


def test_a_symbolic_index_is_a_build_argument() -> None:
    plan = install_plan(
        {}, None, image="b", release=None, external_packages=[Wanted("torch --index-url ${index.pytorch-cpu}")]
    )
    text = render(plan, RECIPE)
    assert "ARG INDEX_PYTORCH_CPU\n" in text
    assert 'torch ${INDEX_PYTORCH_CPU:+--index-url "$INDEX_PYTORCH_CPU"}' in text

    mirrored = render(plan, Recipe(RECIPE.base, [], "", named={"pytorch-cpu": "https://mirror.example/torch"}))
    assert "ARG INDEX_PYTORCH_CPU=https://mirror.example/torch\n" in mirrored


class TestSpecsProgram:
    """specs.py is what a Containerfile runs: here with an install command that prints what it is given."""

    PRINT = (sys.executable, "-c", "import sys; print('CALL', *sys.argv[1:])")

    def ask(self, tmp_path: Path, provider: str | None, module: str = "my_mod", **variables: str) -> tuple[int, str]:
        package = tmp_path / "my_mod"
        package.mkdir()
        (package / "__init__.py").touch()
        if provider is not None:
            (package / "provider.py").write_text(provider)
        command = [sys.executable, str(SCRIPTS / "specs.py"), module, "--", "first==1", "--", *self.PRINT]
        done = subprocess.run(
            command, env={"PYTHONPATH": str(tmp_path), **variables}, capture_output=True, text=True, check=False
        )
        calls = [line for line in done.stdout.splitlines() if line.startswith("CALL")]
        return done.returncode, "\n".join(calls) or done.stderr

    SPEC = "class S:\n  pip_packages = {packages}\ndef get_provider_spec():\n  return {returned}\n"

    def test_one_spec_and_a_list_of_specs_are_asked(self, tmp_path: Path) -> None:
        spec = self.SPEC.format(packages=["b", "c d>=1"], returned="[S(), S()]")
        assert self.ask(tmp_path, spec) == (0, "CALL first==1 b c d>=1")

    def test_adapters_of_releases_before_0_2_23_hold_the_packages(self, tmp_path: Path) -> None:
        spec = "class A:\n  pip_packages = ['b']\nclass S:\n  adapter = A()\ndef get_provider_spec():\n  return S()\n"
        assert self.ask(tmp_path, spec) == (0, "CALL first==1 b")

    def test_options_make_a_call_of_their_own(self, tmp_path: Path) -> None:
        packages = ["b", "torch --index-url ${index.pytorch-cpu}", "c --no-deps"]
        spec = self.SPEC.format(packages=packages, returned="S()")
        expected = "CALL first==1 b\nCALL torch --index-url https://i.example\nCALL c --no-deps"
        assert self.ask(tmp_path, spec, INDEX_PYTORCH_CPU="https://i.example") == (0, expected)

    def test_a_module_that_needs_nothing_makes_no_call(self, tmp_path: Path) -> None:
        assert self.ask(tmp_path, self.SPEC.format(packages=[], returned="S()")) == (0, "")

    @pytest.mark.parametrize("module", ["my-mod>=1", "my_mod[extra]==1.0", "my_mod @ https://i.example/x.whl"])
    def test_requirements_of_every_form_lead_to_the_import_name(self, tmp_path: Path, module: str) -> None:
        assert self.ask(tmp_path, self.SPEC.format(packages=["b"], returned="S()"), module) == (0, "CALL first==1 b")

    def test_no_provider_module_fails_and_names_what_was_tried(self, tmp_path: Path) -> None:
        status, error = self.ask(tmp_path, None)
        assert status == 1 and "my_mod: none of ['my_mod'" in error

    def test_no_get_provider_spec_fails(self, tmp_path: Path) -> None:
        assert self.ask(tmp_path, "x = 1") == (1, "my_mod: my_mod.provider has no get_provider_spec()\n")

    def test_an_import_that_fails_fails_the_build(self, tmp_path: Path) -> None:
        status, error = self.ask(tmp_path, "import not_there")
        assert status == 1 and "No module named 'not_there'" in error

    def test_a_pip_call_that_fails_fails_the_build(self, tmp_path: Path) -> None:
        spec = self.SPEC.format(packages=["b"], returned="S()")
        self.PRINT = (sys.executable, "-c", "raise SystemExit(3)")
        assert self.ask(tmp_path, spec)[0] != 0
