"""`module:` entries where the module is installed: real packages in a directory, asked as a pod asks them.

The release itself is stood in for by its Layout alone: asking a module needs nothing else of it, and the
tests stay fast. Real releases with real provider packages are in tests/conformance.
"""

import itertools
import sys
from pathlib import Path

import pytest

from llamastack_resolver.installed.release import InstalledModules
from llamastack_resolver.introspection import Layout
from llamastack_resolver.providers.requirements import RequirementError, parse_module
from llamastack_resolver.releases import Release
from llamastack_resolver.resolution import Resolution, resolve
from tests.support.small_release import config, entry, knowledge

SPEC = """
class RemoteProviderSpec:
    api = "inference"
    provider_type = "remote::mine"
    module = "{name}.adapter"
    config_class = "{name}.Config"
    api_dependencies = ["files"]
    optional_api_dependencies = []
    pip_packages = ["nothing"]
"""
_NUMBERS = itertools.count()


class Packages:
    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, provider: str | None, distribution: str = "", version: str = "1.0") -> str:
        """Install a package with this provider.py; return its import name."""
        name = f"provider_under_test_{next(_NUMBERS)}"
        package = self.root / name
        package.mkdir()
        (package / "__init__.py").write_text("")
        files = [f"{name}/__init__.py"]
        if provider is not None:
            (package / "provider.py").write_text(provider.replace("{name}", name))
            files.append(f"{name}/provider.py")
        if distribution:
            info = self.root / f"{distribution.replace('-', '_')}-{version}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
            (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        return name


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    monkeypatch.syspath_prepend(str(tmp_path))
    return Packages(tmp_path)


def resolved(
    module: str, provider_type: str = "remote::mine", version: str = "0.7.3", api: str = "inference"
) -> Resolution:
    raw = config(
        image_name="x",
        providers={api: [entry("x", provider_type, module=module)], "files": [entry("f", "inline::localfs")]},
    )
    layout = Layout(Release("llama-stack", version), "llama_stack", "llama_stack.core")
    return resolve(raw, knowledge(version=version), loader=InstalledModules(layout))


def reasons(resolution: Resolution) -> list[str]:
    return [f.reason.value for f in resolution.findings if f.severity == "error"]


def test_a_spec_brings_its_dependencies_into_the_plan(packages: Packages):
    name = packages.add(SPEC + "def get_provider_spec():\n    return RemoteProviderSpec()\n")

    resolution = resolved(name)

    assert resolution.findings == ()
    step = next(step for step in resolution.plan if step.key == "inner-inference")
    assert step.depends_on == ("files",)
    assert step.providers[0].spec.pip_packages == ("nothing",)


class TestARequirement:
    SOURCE = SPEC + "def get_provider_spec():\n    return RemoteProviderSpec()\n"

    @pytest.mark.parametrize("suffix", ["", "==1.0", ">=0.5,<2", "~=1.0", "[extra]>=1"])
    def test_may_carry_any_specifier_and_the_import_name_comes_from_the_metadata(self, packages: Packages, suffix: str):
        packages.add(self.SOURCE, distribution="acme-models")

        assert reasons(resolved(f"acme-models{suffix}")) == []

    def test_that_pins_another_version_than_is_installed_is_a_warning(self, packages: Packages):
        packages.add(self.SOURCE, distribution="acme-models", version="1.1")

        warning = next(f for f in resolved("acme-models==1.0").findings if f.reason == "RequirementConflict")

        assert warning.message == "acme-models 1.1 is installed, and 1.0 is asked for"


class TestAListOfSpecs:
    SOURCE = (
        SPEC
        + "class Other(RemoteProviderSpec):\n    provider_type = 'remote::other'\n"
        + "def get_provider_spec():\n    return [RemoteProviderSpec(), Other()]\n"
    )

    def test_is_searched_for_the_type(self, packages: Packages):
        name = packages.add(self.SOURCE)

        assert reasons(resolved(name, "remote::other")) == []
        assert "remote::mine, remote::other" in resolved(name, "remote::third").findings[0].message

    def test_is_refused_by_releases_that_take_a_single_one(self, packages: Packages):
        assert reasons(resolved(packages.add(self.SOURCE), version="0.2.23")) == ["SpecMismatch"]


@pytest.mark.parametrize(
    ("source", "reason", "words"),
    [
        (None, "SpecMissing", "has no `provider` module"),
        ("x = 1", "SpecMissing", "has no get_provider_spec()"),
        ("import not_there_at_all", "ModuleImportFailed", "not_there_at_all"),
        ("from llama_stack.gone import x", "ModuleImportFailed", "llama_stack"),
        ("1/0", "ModuleImportFailed", "ZeroDivisionError"),
        ("def get_provider_spec():\n    raise OSError('no key')", "ModuleImportFailed", "no key"),
        ("def get_provider_spec():\n    return 5", "SpecMismatch", "returns int"),
        (
            SPEC + "RemoteProviderSpec.module = None\nget_provider_spec = RemoteProviderSpec\n",
            "SpecMissing",
            "names no module",
        ),
    ],
)
def test_a_broken_module_is_one_finding_that_says_what_is_wrong(
    packages: Packages, source: str | None, reason: str, words: str
):
    resolution = resolved(packages.add(source))

    assert reasons(resolution) == [reason]
    assert words in resolution.findings[0].message


def test_a_module_that_is_not_installed_is_one_finding(packages: Packages):
    assert reasons(resolved("not_installed_anywhere")) == ["ModuleNotFound"]


def test_a_spec_of_another_api_or_type_is_a_mismatch(packages: Packages):
    name = packages.add(SPEC + "def get_provider_spec():\n    return RemoteProviderSpec()\n")

    wrong_type, wrong_api = resolved(name, "remote::yours"), resolved(name, api="safety")

    assert reasons(wrong_type) == ["SpecMismatch"]
    assert wrong_type.findings[0].hint == "set provider_type to remote::mine"
    assert wrong_api.findings[0].hint == "move the entry to `providers.inference`"


def test_a_disabled_entrys_module_is_not_imported(packages: Packages):
    name = packages.add("import sys\nsys.modules['was_imported_by_accident'] = sys\n")
    raw = config(providers={"inference": [entry("__disabled__", "remote::mine", module=name)]})
    layout = Layout(Release("llama-stack", "0.7.3"), "llama_stack", "llama_stack.core")

    assert resolve(raw, knowledge(), loader=InstalledModules(layout)).findings == ()
    assert "was_imported_by_accident" not in sys.modules


@pytest.mark.parametrize(
    ("text", "name", "specifier", "plain"),
    [
        ("ramalama_stack", "ramalama_stack", "", True),
        ("ramalama_stack==0.3.0a0", "ramalama_stack", "==0.3.0a0", True),
        ("a.b.inline", "a.b.inline", "", True),
        ("my-pkg", "my-pkg", "", False),
        ("pkg >= 1, < 2", "pkg", ">=1,<2", False),
        ("pkg[a,b]~=1.0 ; python_version > '3'", "pkg", "~=1.0", False),
        ("pkg @ https://example.com/pkg.whl", "pkg", "", False),
    ],
)
def test_requirements_are_parsed(text: str, name: str, specifier: str, plain: bool):
    parsed = parse_module(text)

    assert (parsed.name, parsed.specifier, parsed.plain) == (name, specifier, plain)


@pytest.mark.parametrize("text", ["", "-x", "a b", "==1", "pkg=1", "../pkg"])
def test_what_is_no_requirement_is_refused(text: str):
    with pytest.raises(RequirementError):
        parse_module(text)


def test_a_package_that_imports_an_absent_one_is_told_so_though_its_name_begins_alike(packages: Packages):
    """`llama_stack_provider_x` imports `llama_stack`, which is not there beside ogx."""
    name = packages.add(SPEC)
    (packages.root / name / "__init__.py").write_text("import provider_under\n")

    findings = resolved(name).findings

    messages = [f.message for f in findings if f.reason == "ModuleImportFailed"]
    assert messages == [
        f"importing {name} failed: ModuleNotFoundError: No module named 'provider_under' ({name}/__init__.py:1)"
    ]


def test_a_provider_that_depends_on_its_own_router_is_told_so(packages: Packages):
    """It starts, since the router is made first and finds its providers later."""
    source = SPEC.replace('["files"]', '["models"]')
    name = packages.add(source + "def get_provider_spec():\n    return RemoteProviderSpec()\n")

    (finding,) = [f for f in resolved(name).findings if f.reason == "DependencyCycle"]

    assert finding.severity == "warning"
    assert finding.message == "inference (x) depends on the API that it provides: 0.7.3 starts the router before it"


class TestAnImportThatFails:
    def test_of_a_part_of_an_installed_package_names_both_versions(self, packages: Packages):
        lacking = packages.add(None, "their-library", "2.0")
        source = f"from {lacking} import McpError\n"
        name = packages.add(source, "my-provider", "1.5")
        whole = packages.add(f"import {lacking}.sub\n", "my-other-provider", "1.6")

        (one,), (other,) = resolved(name).findings, resolved(whole).findings

        assert one.reason.value == other.reason.value == "ModuleImportFailed"
        assert f"({name}.provider of my-provider 1.5 asks for it, and their-library 2.0 has it not)" in one.message
        assert one.hint == "use versions of their-library and of my-provider that go together"
        assert f"No module named '{lacking}.sub'" in other.message
        assert f"({whole}.provider of my-other-provider 1.6 asks for it, and their-library 2.0" in other.message

    def test_deep_within_names_the_package_that_asks_and_not_the_provider(self, packages: Packages):
        lacking = packages.add(None, "their-library", "2.0")
        between = packages.add(f"import {lacking}.sub\n", "in-between", "3.0")
        name = packages.add(f"def get_provider_spec():\n    pass\nimport {between}.provider\n", "my-provider", "1.5")

        (finding,) = resolved(name).findings

        assert (
            f"({between}.provider of in-between 3.0 asks for it, and their-library 2.0 has it not)" in finding.message
        )
        assert finding.hint == "use versions of their-library and of in-between that go together"

    def test_of_a_part_of_a_folder_that_several_share_says_what_to_install(self, packages: Packages):
        """As `google`: what is missing in it may be in a package that is not installed."""
        shared = "shared_by_several"
        for name, part in (("share-one", "one"), ("share-two", "two")):
            (packages.root / shared / part).mkdir(parents=True)
            (packages.root / shared / part / "__init__.py").write_text("")
            info = packages.root / f"{name.replace('-', '_')}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (info / "RECORD").write_text(f"{shared}/{part}/__init__.py,,\n")

        (absent,) = resolved(packages.add(f"import {shared}.three\n", "asks-a")).findings
        (part,) = resolved(packages.add(f"import {shared}.two.sub\n", "asks-b")).findings

        assert str(absent.hint).endswith(f"install {shared} too (spec.build.pip.requirements)")
        assert part.hint == "use versions of share-two and of asks-b that go together"

    def test_of_what_python_itself_has_not_is_no_package_to_install(self, packages: Packages):
        (finding,) = resolved(packages.add("import asyncio.nothing\n", "my-provider")).findings

        assert "is made for Python 3." in str(finding.hint)

    def test_of_what_is_not_installed_is_no_mismatch_of_versions(self, packages: Packages):
        name = packages.add("import not_installed_at_all\n", "lonely-provider")

        (finding,) = resolved(name).findings

        assert finding.hint == (
            "the package does not require what it imports: install not_installed_at_all too"
            " (spec.build.pip.requirements)"
        )
