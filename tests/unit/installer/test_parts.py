"""The parts of the installer that only compute."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamastack_contract.build_json import BaseImage, BuildJson, PipSettings
from llamastack_contract.layer import Layer
from llamastack_contract.limits import CONCERNED
from llamastack_contract.lock import Locked
from llamastack_contract.paths import INSTALLER_FILE
from llamastack_contract.record import Distribution
from llamastack_installer.concerned import concerned
from llamastack_installer.facts import Facts
from llamastack_installer.failure import FailureError
from llamastack_installer.install import constraint_lines, loose_names, unmet
from llamastack_installer.pip import Counter, Sources, environment, requirement_line
from llamastack_installer.process import run
from llamastack_installer.report import located, locked_of, merged
from llamastack_installer.special import special_arguments, split_packages
from llamastack_installer.specs import Modules, modules_of
from llamastack_installer.verify import top_level, verify_base, verify_requirements
from llamastack_operator.images.tools import copy_tools, installer

PROXY = "http://127.0.0.1:8780"
ENTRY = Locked("demo", "1.0", "demo-1.0-py3-none-any.whl", "a" * 64)


def sources(named: dict[str, str] | None = None, indexes: tuple[str, ...] = (), wheels: Path | None = None) -> Sources:
    pip = PipSettings(indexes, named=named or {})
    return Sources(BuildJson("0" * 64, BaseImage("base"), Layer("modules"), pip=pip), PROXY, wheels)


def test_plain_and_special_packages_are_told_apart_as_upstream_does():
    packages = ["pandas", "torch torchvision --extra-index-url ${index.cpu}", "x>=1", "y --no-deps", "pandas"]

    assert split_packages(packages) == (
        ["pandas", "x>=1"],
        [["torch", "torchvision", "--extra-index-url", "${index.cpu}"], ["y", "--no-deps"]],
    )


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        (["x", "--no-deps"], [*sources().options(), "--no-deps", "x"]),
        (["x", "--pre", "--index-url", "${index.nowhere}"], [*sources().options(), "--pre", "x"]),
        (
            ["torch", "--index-url", "${index.cpu}"],
            ["--trusted-host", "127.0.0.1:8780", "--index-url", f"{PROXY}/named/cpu/simple/", "torch"],
        ),
        (
            ["torch", "--extra-index-url=https://cpu.example/whl/"],
            [*sources().options(), "--extra-index-url", f"{PROXY}/named/cpu/simple/", "torch"],
        ),
        (
            ["torch", "--index-url", "https://main.example/simple"],
            ["--trusted-host", "127.0.0.1:8780", "--index-url", f"{PROXY}/index/0/simple/", "torch"],
        ),
        (
            ["torch", "--extra-index-url", "https://unknown.example/whl"],
            [*sources().options(), "--extra-index-url", "https://unknown.example/whl", "torch"],
        ),
    ],
)
def test_indexes_of_special_packages_go_through_the_proxy_where_it_has_them(call: list[str], arguments: list[str]):
    found = special_arguments(call, sources({"cpu": "https://cpu.example/whl"}, ("https://main.example/simple",)))

    assert found == arguments


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (["x", "--target", "/"], "--target"),
        (["x", "-e", "."], "-e"),
        (["--no-deps"], "names no package"),
        (["x", "--index-url", "file:///etc"], "file:///etc"),
        (["x", "--index-url"], "''"),
    ],
)
def test_other_options_and_addresses_are_refused(call: list[str], words: str):
    with pytest.raises(FailureError, match=r".*") as caught:
        special_arguments(call, sources())

    assert caught.value.reason == "RequirementInvalid"
    assert words in caught.value.message


def item(url: str, digest: str | None = "a" * 64, name: str = "demo") -> dict[str, Any]:
    archive = {"archive_info": {"hashes": {"sha256": digest}}} if digest else {"vcs_info": {"vcs": "git"}}
    return {"download_info": {"url": url, **archive}, "metadata": {"name": name, "version": "1.0"}}


@pytest.mark.parametrize(
    ("url", "index", "kept"),
    [
        (f"{PROXY}/index/1/file/abc/demo-1.0-py3-none-any.whl", 1, None),
        (f"{PROXY}/named/cpu/file/abc/demo-1.0-py3-none-any.whl", "cpu", None),
        ("https://x.example/demo-1.0-py3-none-any.whl#sha256=1", None, "https://x.example/demo-1.0-py3-none-any.whl"),
        ("https://x.example/index/1/file/a/demo.whl", None, "https://x.example/index/1/file/a/demo.whl"),
        ("file:///llamastack/wheels/demo-1.0-py3-none-any.whl", 0, None),
    ],
)
def test_a_report_tells_where_each_file_came_from(url: str, index: int | str | None, kept: str | None):
    (entry,) = locked_of({"install": [item(url)]}, PROXY)

    assert (entry.index, entry.url, entry.file) == (index, kept, url.split("#")[0].rsplit("/", 1)[1])


def test_what_a_spec_asks_for_by_name_alone_and_is_there_needs_no_pass_of_pip():
    have = [Distribution("Demo_Plain", "1.0"), Distribution("other", "2.0")]

    wanted = ["demo.plain", "other>=1", "other[extra]", "new", "other @ https://x.example/other-2-py3-none-any.whl"]

    assert unmet(wanted, have) == wanted[1:]


def test_what_was_just_resolved_is_installed_from_where_the_report_found_it():
    url = f"{PROXY}/index/0/file/abc/{ENTRY.file}"
    report = {"install": [{"metadata": {"name": ENTRY.name}, "download_info": {"url": f"{url}#sha256=x"}}]}

    (entry,) = located(report, [ENTRY])

    assert requirement_line(entry) == f"demo @ {url} --hash=sha256:{ENTRY.sha256}"
    # Without a network, the folder of wheels has it.
    assert requirement_line(entry, offline=True) == f"demo==1.0 --hash=sha256:{ENTRY.sha256}"


@pytest.mark.parametrize(
    "bad", [item("git+https://x.example/y", None), item(f"{PROXY}/index/0/file/a/b c.whl"), item("ftp://x/y.whl")]
)
def test_what_has_no_digest_or_no_usable_name_cannot_be_locked(bad: dict[str, Any]):
    with pytest.raises(FailureError) as caught:
        locked_of({"install": [bad]}, PROXY)

    assert caught.value.reason == "RequirementInvalid"


def test_of_two_versions_in_two_passes_the_later_is_locked():
    later = Locked("Demo", "2.0", "demo-2.0-py3-none-any.whl", "b" * 64)
    other = Locked("alpha", "1", "alpha-1-py3-none-any.whl", "c" * 64)

    assert merged([[ENTRY, other], [later]]) == (other, later)


def test_a_line_of_a_lock_names_exactly_one_file():
    direct = Locked("x", "1", "x-1-py3-none-any.whl", "b" * 64, None, "https://x.example/x-1-py3-none-any.whl")

    assert requirement_line(ENTRY) == f"demo==1.0 --hash=sha256:{'a' * 64}"
    assert requirement_line(direct) == f"x @ https://x.example/x-1-py3-none-any.whl --hash=sha256:{'b' * 64}"
    assert requirement_line(direct, offline=True) == f"x==1 --hash=sha256:{'b' * 64}"


@given(
    st.fixed_dictionaries({key: st.text(max_size=12) for key in ("name", "version", "file", "sha256", "url")}),
)
def test_nothing_in_a_lock_can_become_an_option_or_a_second_line(data: dict[str, str]):
    try:
        entry = Locked.from_dict({**data, "sha256": data["sha256"] or "a" * 64, "index": 0, "url": data["url"] or None})
    except ValueError:
        return
    line = requirement_line(entry)
    assert "\n" not in line
    assert not line.startswith("-")
    assert line.count("--") == 1 or "--" in entry.name + entry.version
    assert "/" not in entry.file


def test_the_base_wins_over_a_layers_constraints():
    base = Facts(Path("p"), Path("p"), "3.12", (), (Distribution("mcp", "1.9"), Distribution("Flask_X", "2")))
    layer = Layer("modules", constraints=("mcp<1", "flask.x==1", "other<3"))

    assert constraint_lines(layer, base) == ["mcp==1.9", "Flask_X==2", "other<3"]


def test_packages_without_their_dependencies_are_known_by_name():
    layer = Layer("modules", special=(("a>=1", "--no-deps"), ("b", "--index-url", "https://x")))

    assert loose_names(layer, Modules(packages=("c[x] --no-deps",))) == {"a", "c"}


def test_progress_counts_the_files_of_the_lock_and_no_more(capsys: pytest.CaptureFixture[str]):
    counter = Counter(2)
    for line in ("Collecting a==1", "  Downloading a", "Processing b", "Collecting c", "Installing collected"):
        counter(line)

    assert capsys.readouterr().out == "progress: installing 1 of 2\nprogress: installing 2 of 2\n"


def test_a_builds_programs_see_no_setting_of_pip_and_no_secret(tmp_path: Path):
    given = {"PIP_INDEX_URL": "x", "API_KEY": "y", "PYTHONPATH": "z", "HTTPS_PROXY": "http://p", "NO_PROXY": "a.b"}

    seen = environment(tmp_path, given)

    assert not {"PIP_INDEX_URL", "API_KEY", "PYTHONPATH"} & set(seen)
    assert seen["HTTPS_PROXY"] == "http://p"
    assert seen["NO_PROXY"] == "a.b,127.0.0.1,localhost"


def test_a_program_that_floods_and_stays_is_bounded_and_ended():
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; head -c 20000 /dev/zero; sleep 1000 & wait"

    outcome = run(["sh", "-c", script], {"PATH": "/usr/bin:/bin"}, 3)

    assert outcome.timed_out
    assert len(outcome.lines) == 400
    assert max(map(len, outcome.lines)) <= 4000


def site(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("__path__ = __import__('pkgutil').extend_path(__path__, __name__)" if "shared" in name else "")
    return folder


def test_names_that_may_be_shared_between_folders_hide_nothing(tmp_path: Path):
    ours = site(tmp_path / "a", "one/__init__.py", "two.py", "shared/__init__.py", "space/x.py", "x-1.dist-info/RECORD")

    assert top_level(ours) == {"one", "two"}


def test_a_package_that_hides_one_of_the_base_is_named(tmp_path: Path):
    base = site(tmp_path / "base", "ogx/__init__.py", "shared/__init__.py", "space/y.py", "tests/__init__.py")
    ours = site(tmp_path / "a", "shared/__init__.py", "space/x.py", "tests/__init__.py", "demo/__init__.py")
    facts = Facts(Path("p"), Path("p"), "3.12", (base,), ())
    verify_base(facts, ours)

    site(ours, "ogx/__init__.py")
    with pytest.raises(FailureError, match="ogx would hide the base's"):
        verify_base(facts, ours)


def test_only_what_concerns_the_new_packages_is_a_conflict(tmp_path: Path):
    for name in ("new", "loose"):
        (tmp_path / f"{name}-1.dist-info").mkdir()
        (tmp_path / f"{name}-1.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
    old = ["old 1 requires gone, which is not installed.", "loose 1 requires gone, which is not installed."]
    verify_requirements(old, tmp_path, {"Loose"})

    for line in (
        "new 1 has requirement old<1, but you have old 1.",
        "old 1 has requirement new>2, but you have new 1.",
    ):
        with pytest.raises(FailureError) as caught:
            verify_requirements([*old, line], tmp_path, {"loose"})
        assert caught.value.message == line.rstrip(".")
        assert caught.value.concerns in (("new", "old"), ("old", "new"))


def test_a_module_without_a_distribution_has_a_version_that_says_so():
    module = {"requirement": "a.b", "distribution": "a.b", "version": None, "importName": "a.b", "providers": []}

    (described,) = modules_of({"findings": [], "modules": [{**module, "pipPackages": []}]}, ["a.b"]).described

    assert described.version == "unknown"


def test_all_modules_that_are_wrong_are_named_at_once():
    finding = {"severity": "error", "reason": "SpecMissing", "message": "a has none", "path": "modules[0]"}
    other = {**finding, "reason": "ModuleImportFailed", "message": "b fails", "path": "modules[1]", "hint": "do"}

    with pytest.raises(FailureError) as caught:
        modules_of({"findings": [finding, other], "modules": []}, ["a==1", "b"])

    assert caught.value.reason == "SpecMissing"
    assert caught.value.message == "a has none (and 1 more)"
    assert caught.value.tail == ("a==1: a has none", "b: b fails")
    assert caught.value.concerns == ("a==1", "b")


def test_what_to_do_about_a_module_is_what_the_resolver_says():
    """Only it knows whether what lacks is a package, or a part that another version of an installed one has."""
    message = "importing a.b failed: ModuleNotFoundError: No module named 'c.d'"
    finding = {"severity": "error", "reason": "ModuleImportFailed", "message": message, "path": "modules[0].module"}

    with pytest.raises(FailureError) as caught:
        modules_of({"findings": [{**finding, "hint": "use versions that go together"}], "modules": []}, ["a>=1"])

    assert caught.value.hint == "use versions that go together"
    assert caught.value.concerns == ("a>=1",)


class TestConcerned:
    LAYER = Layer(
        "modules",
        ("greeter>=1", "Helper[x]==2"),
        (("loose", "--no-deps"),),
        modules=("greeter>=1", "pkg.sub", "other @ https://x.example/other-1-py3-none-any.whl"),
    )
    MODULES = Modules(asked={"greeter>=1": ("torch --index-url ${index.cpu}", "numpy<3"), "pkg.sub": ("numpy",)})

    @pytest.mark.parametrize(
        ("packages", "found"),
        [
            ((), ()),
            (("greeter>=1",), ("greeter",)),
            (("pkg.sub", "other"), ("pkg.sub", "other")),
            (("helper", "HELPER"), ("Helper",)),
            (("loose",), ("loose",)),
            (("torch",), ("greeter",)),
            (("numpy", "greeter"), ("greeter", "pkg.sub")),
            (("llama-stack", "", "--no-deps", "-r x"), ()),
        ],
    )
    def test_packages_are_led_back_to_what_was_written(self, packages: tuple[str, ...], found: tuple[str, ...]):
        assert concerned(self.LAYER, self.MODULES, packages) == found

    def test_not_more_are_named_than_a_message_holds(self):
        names = tuple(f"m{number}" for number in range(CONCERNED + 1))
        assert concerned(Layer("modules", names), Modules(), names) == names[:CONCERNED]


def test_the_installer_is_the_same_bytes_each_time_and_needs_no_other_package(tmp_path: Path):
    first = installer()
    installer.cache_clear()

    assert installer() == first
    names = zipfile.ZipFile(BytesIO(first)).namelist()
    assert "llamastack_resolver/installed/modules.py" in names
    assert {name.split("/")[0] for name in names} == {
        "__main__.py",
        "llamastack_contract",
        "llamastack_installer",
        "llamastack_resolver",
    }

    copy_tools(tmp_path)
    copy_tools(tmp_path)
    assert (tmp_path / INSTALLER_FILE).read_bytes() == first
    assert (tmp_path / "pip" / "__main__.py").is_file()
    assert not list(tmp_path.rglob("*.pyc"))
