"""The command line, with the real catalog: what is printed, in which format, and the exit status."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from llamastack_operator.cli import main
from llamastack_operator.cli.parser import COMMANDS, build_parser

GOOD = """
version: 2
distro_name: good
apis: [inference]
providers:
  inference:
  - provider_id: vllm
    provider_type: remote::vllm
    config: {base_url: "http://vllm:8000/v1"}
"""
BAD = GOOD.replace("remote::vllm", "remote::vlm").replace("distro_name", "distroname")
MANIFEST = """
apiVersion: llamastack.dev/v1alpha1
kind: LlamaStack
metadata: {name: bot}
spec:
  distribution: {release: {package: llama-stack, version: VERSION}}
  runConfig:
    providers:
      inference: [{provider_id: v, provider_type: remote::vllm}]
"""


Writer = Callable[..., str]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path):
    def write(text: str, name: str = "config.yaml") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    return write


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


class TestValidate:
    def test_says_that_nothing_is_wrong(self, file: Writer, capsys: Capture):
        assert run(capsys, "validate", "--stack-version", "0.7.3", file(GOOD)) == (
            0,
            "1 document: nothing is wrong\n",
            "",
        )

    def test_shows_place_cause_and_cure(self, file: Writer, capsys: Capture):
        status, out, _ = run(capsys, "validate", "--stack-version", "0.7.3", file(BAD))

        assert status == 1
        assert "providers.inference[0].provider_type (line 8)  UnknownProviderType" in out
        assert "-> did you mean remote::vllm?" in out
        assert "1 document: 2 errors, 1 warning" in out

    def test_gives_json_in_the_documented_shape(self, file: Writer, capsys: Capture):
        name = file(BAD)

        _, out, _ = run(capsys, "validate", "--stack-version", "0.7.3", "-o", "json", name)

        (document,) = json.loads(out)["documents"]
        assert (document["file"], document["kind"], document["stackVersion"]) == (name, "RunConfig", "0.7.3")
        assert document["findings"][0] == {
            "severity": "error",
            "reason": "InvalidRunConfig",
            "message": "`distro_name` is required, and missing",
            "path": "distro_name",
            "hint": "any name will do",
            "line": 2,
        }

    def test_gives_sarif_with_lines(self, file: Writer, capsys: Capture):
        _, out, _ = run(capsys, "validate", "--stack-version", "0.7.3", "-o", "sarif", file(BAD))

        log = json.loads(out)
        results = log["runs"][0]["results"]
        assert log["version"] == "2.1.0"
        assert {result["ruleId"] for result in results} >= {"UnknownProviderType", "UnknownField"}
        rules = log["runs"][0]["tool"]["driver"]["rules"]
        assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in results)
        assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)
        assert "the type" in next(rule for rule in rules if rule["id"] == "UnknownProviderType")["help"]["text"]
        assert any(result["locations"][0]["physicalLocation"].get("region") == {"startLine": 8} for result in results)

    def test_reads_directories_and_passes_over_other_objects(self, file: Writer, capsys: Capture, tmp_path: Path):
        file(GOOD, "a/one.yaml")
        file("apiVersion: v1\nkind: Service\n", "a/two.yml")

        status, out, _ = run(capsys, "validate", "--stack-version", "0.7.3", str(tmp_path))

        assert (status, out) == (0, "1 document: nothing is wrong; 1 Kubernetes object passed over (Service)\n")

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("chart/values.yaml", "replicaCount: 1\nproviders: {openai: {enabled: true}}\nimage_name: x\n"),
            ("chart/templates/run.yaml", "{{- if .Values.a }}\nversion: 2\nproviders: {}\n{{- end }}\n"),
            (".github/workflows/ci.yaml", "name: ci\non: push\njobs: {}\n"),
            (".hidden.yaml", BAD),
            ("node_modules/x/fixture.yaml", BAD),
            ("broken.yaml", "a: [\n"),
            ("mkdocs.yml", "nav: !ENV [NAV, none]\n"),
            ("empty.yaml", ""),
        ],
    )
    def test_passes_over_files_of_other_programs_in_a_directory(
        self, file: Writer, capsys: Capture, tmp_path: Path, name: str, text: str
    ):
        file(GOOD, "run.yaml")
        file(text, name)

        status, out, _ = run(capsys, "validate", "--stack-version", "0.7.3", str(tmp_path))

        assert (status, out) == (0, "1 document: nothing is wrong; 1 other file passed over\n")

    def test_reads_a_file_that_is_named_whatever_it_is(self, file: Writer, capsys: Capture):
        assert run(capsys, "validate", "--stack-version", "0.7.3", file(BAD, ".hidden.yaml"))[0] == 1
        assert run(capsys, "validate", "--stack-version", "0.7.3", file("nav: !ENV [a]\n", "mkdocs.yml"))[0] == 1

    def test_finds_a_config_in_a_directory_though_it_is_broken(self, file: Writer, capsys: Capture, tmp_path: Path):
        file(f"{GOOD}\tx: 1\n", "run.yaml")

        status, out, _ = run(capsys, "validate", str(tmp_path))

        assert (status, "indented with a tab" in out) == (1, True)

    @pytest.mark.parametrize("text", ["", "# later\n", "---\n---\n"])
    def test_warns_of_a_file_that_is_empty(self, file: Writer, capsys: Capture, text: str):
        status, out, _ = run(capsys, "validate", file(text, "empty.yaml"))

        assert status == 0
        assert "the file is empty" in out and "1 warning" in out
        assert run(capsys, "validate", file(text, "empty.yaml"), file(GOOD))[0] == 0

    def test_says_that_nothing_was_checked_where_there_is_nothing(self, file: Writer, capsys: Capture, tmp_path: Path):
        file("apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n", "objects.yaml")
        file("a: 1\n", "other.yaml")

        status, out, _ = run(capsys, "validate", str(tmp_path))
        _, report, _ = run(capsys, "validate", "-o", "json", str(tmp_path))
        _, log, _ = run(capsys, "validate", "-o", "sarif", str(tmp_path))

        words = "2 Kubernetes objects passed over (ConfigMap, Service); 1 other file passed over"
        assert (status, out) == (2, f"0 documents checked; {words}\n")
        passed_over = {"objects": {"Service": 1, "ConfigMap": 1}, "files": 1}
        assert json.loads(report) == {"documents": [], "passedOver": passed_over}
        assert json.loads(log)["runs"][0]["invocations"][0]["executionSuccessful"] is False

    def test_names_the_file_and_the_line_of_a_config_map(self, file: Writer, capsys: Capture, tmp_path: Path):
        stack = MANIFEST.replace("VERSION", "0.7.3").partition("  runConfig:")[0]
        file(f"{stack}  runConfigFrom: {{configMapKeyRef: {{name: cm, key: run.yaml}}}}\n", "stack.yaml")
        config = "".join(f"    {line}\n" for line in BAD.strip().splitlines())
        place = file(f"kind: ConfigMap\nmetadata: {{name: cm}}\ndata:\n  run.yaml: |\n{config}", "maps.yaml")

        _, text, _ = run(capsys, "validate", str(tmp_path))
        _, report, _ = run(capsys, "validate", "-o", "json", str(tmp_path))
        _, log, _ = run(capsys, "validate", "-o", "sarif", str(tmp_path))

        path = 'data["run.yaml"].providers.inference[0].provider_type'
        assert f"{place}: ConfigMap/cm {path} (line 11)" in text
        (document,) = json.loads(report)["documents"]
        told = next(one for one in document["findings"] if one["path"] == path)
        assert (document["name"], told["file"], told["object"], told["line"]) == ("bot", place, "ConfigMap/cm", 11)
        result = next(one for one in json.loads(log)["runs"][0]["results"] if one["ruleId"] == "UnknownProviderType")
        assert result["locations"][0]["physicalLocation"] == {
            "artifactLocation": {"uri": place},
            "region": {"startLine": 11},
        }

    def test_reads_standard_input(self, capsys: Capture, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))

        status, out, _ = run(capsys, "validate", "--stack-version", "0.7.3", "-")

        assert (status, out.splitlines()[0].split()[0]) == (1, "<stdin>")

    def test_takes_the_release_from_the_manifest(self, file: Writer, capsys: Capture):
        good = run(capsys, "validate", file(MANIFEST.replace("VERSION", "0.7.3")))
        unknown = run(capsys, "validate", file(MANIFEST.replace("VERSION", "0.99.0")))

        assert good[0] == 0
        assert unknown[0] == 1
        assert "UnsupportedVersion" in unknown[1]

    def test_says_which_release_it_concluded(self, file: Writer, capsys: Capture):
        _, out, _ = run(capsys, "validate", file(GOOD.replace("inference", "agents")))

        assert "checked as " in out

    def test_of_a_patch_that_stands_in_for_another_says_so(self, capsys: Capture):
        status, out, err = run(capsys, "catalog", "0.7.33")

        assert (status, out.splitlines()[0]) == (0, "release  0.7.3")
        assert err == "0.7.33 is not in the catalog: this is 0.7.3, the nearest patch of the same minor\n"
        assert run(capsys, "catalog", "0.7.3")[2] == ""

    @pytest.mark.parametrize(
        "arguments",
        [
            ["validate", "not-there.yaml"],
            ["validate", ".", "--stack-version", "9.9.9"],
            ["catalog", "--providers", "x"],
        ],
    )
    def test_and_others_exit_with_2_and_one_line_where_they_cannot_run(
        self, arguments: list[str], capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)

        status, out, err = run(capsys, *arguments)

        assert (status, out, len(err.splitlines())) == (2, "", 1)


class TestAWrongWord:
    """argparse ends the process itself where arguments are wrong."""

    @pytest.mark.parametrize(
        ("arguments", "usage", "words"),
        [
            (["valdate", "x.yaml"], "usage: llamastack [-h]", "there is no command 'valdate': did you mean validate?"),
            (["zzz"], "usage: llamastack [-h]", "there is no command 'zzz': see llamastack --help"),
            (["--verison"], "usage: llamastack [-h]", "no option --verison: did you mean --version?"),
            (
                ["validate", "x.yaml", "--stak-version", "0.7.3"],
                "usage: llamastack validate",
                "no option --stak-version: did you mean --stack-version?",
            ),
            (["validate", "--stck-version=0.7.3"], "usage: llamastack validate", "did you mean --stack-version?"),
            (["resolve", "x.yaml", "--outptu", "json"], "usage: llamastack resolve", "did you mean --output?"),
            (
                ["--stack-version", "0.7.3", "validate", "x"],
                "usage: llamastack [-h]",
                "before a command; its own stand",
            ),
            (["-o", "json", "validate", "x"], "usage: llamastack [-h]", "there is no option -o before a command"),
            (["validate", "-x", "a.yaml"], "usage: llamastack validate", "there is no option -x"),
            (["resolve", "a.yaml", "b.yaml"], "usage: llamastack resolve", "unrecognized arguments: b.yaml"),
        ],
    )
    def test_is_answered_with_the_nearest_and_the_usage_of_its_command(
        self, capsys: Capture, arguments: list[str], usage: str, words: str
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)

        err = capsys.readouterr().err
        assert ended.value.code == 2
        assert err.startswith(usage)
        assert words in err

    @pytest.mark.parametrize("option", ["--stack-version=0.7.3", "--stack=0.7.3", "-ojson"])
    def test_is_none_where_argparse_takes_it(self, file: Writer, capsys: Capture, option: str):
        assert run(capsys, "validate", option, file(GOOD))[0] == 0

    def test_is_none_after_two_dashes(self, file: Writer, capsys: Capture):
        assert run(capsys, "validate", "--", "--not-there.yaml")[2].startswith("llamastack: --not-there.yaml:")


class TestColour:
    def test_is_absent_when_piped(self, file: Writer, capsys: Capture):
        assert "\033" not in run(capsys, "validate", "--stack-version", "0.7.3", file(BAD))[1]

    def test_can_be_asked_for(self, file: Writer, capsys: Capture):
        _, out, _ = run(capsys, "validate", "--color", "always", "--stack-version", "0.7.3", file(BAD))

        assert "\033[31;1merror" in out


class TestResolve:
    def test_gives_the_plan_as_json(self, file: Writer, capsys: Capture):
        status, out, _ = run(capsys, "resolve", "--stack-version", "0.7.3", "-o", "json", file(GOOD))

        plan = json.loads(out)
        assert (status, plan["stackVersion"]) == (0, "0.7.3")
        assert [(step["api"], step["stage"]) for step in plan["order"]] == [
            ("inference", "providers"),
            ("models", "table"),
            ("inference", "router"),
        ]
        assert plan["order"][0]["providers"][0]["origin"] == "builtin"
        assert plan["order"][1]["dependsOn"] == ["inference"]

    @pytest.mark.parametrize(
        ("output", "line"),
        [("mermaid", "  n0 --> n1"), ("dot", "  n0 -> n1;"), ("text", "  1. inference  vllm (remote::vllm)")],
    )
    def test_draws_the_plan(self, file: Writer, capsys: Capture, output: str, line: str):
        _, out, _ = run(capsys, "resolve", "--stack-version", "0.7.3", "-o", output, file(GOOD))

        assert line in out.splitlines()

    @pytest.mark.parametrize(
        ("output", "text"),
        [
            ("mermaid", "vllm: remote::vllm (where VLLM is set)"),
            ("dot", "vllm: remote::vllm (where VLLM is set)"),
            ("text", "  1. inference  vllm (remote::vllm)  where VLLM is set"),
            ("json", '"condition": "VLLM is set"'),
        ],
    )
    def test_says_of_what_a_variable_switches_on_where_it_is_started(
        self, file: Writer, capsys: Capture, output: str, text: str
    ):
        conditional = GOOD.replace("provider_id: vllm", "provider_id: ${env.VLLM:+vllm}")
        assert conditional != GOOD

        _, out, _ = run(capsys, "resolve", "--stack-version", "0.7.3", "-o", output, file(conditional))

        assert text in out

    def test_fails_where_the_config_has_errors(self, file: Writer, capsys: Capture):
        assert run(capsys, "resolve", "--stack-version", "0.7.3", file(BAD))[0] == 1

    def test_fails_where_there_is_no_stack(self, file: Writer, capsys: Capture):
        assert run(capsys, "resolve", file("apiVersion: v1\nkind: Service\n"))[0] == 2


class TestCatalog:
    def test_lists_releases(self, capsys: Capture):
        _, out, _ = run(capsys, "catalog", "-o", "json")

        assert {"0.2.16", "0.7.3", "ogx-1.5.0"} <= set(json.loads(out)["releases"])

    def test_shows_what_a_release_ships(self, capsys: Capture):
        _, out, _ = run(capsys, "catalog", "1.5.0", "-o", "json")

        shown = json.loads(out)
        assert shown["routed"] == {
            "models": "inference",
            "tool_groups": "tool_runtime",
            "vector_stores": "vector_io",
        }
        assert sum(shown["apis"].values()) == 64

    def test_shows_the_providers_of_an_api(self, capsys: Capture):
        _, out, _ = run(capsys, "catalog", "0.7.3", "--providers", "responses", "-o", "json")

        assert "inline::builtin" in json.loads(out)

    def test_prints_the_versions_of_all_that_a_release_needs_for_pip(self, capsys: Capture):
        status, out, _ = run(capsys, "catalog", "llama-stack==0.7.3", "--constraints")

        lines = [Requirement(line) for line in out.splitlines()]
        assert (status, "llama-stack==0.7.3" in out.splitlines()) == (0, True)
        assert all(str(line.specifier).startswith("==") for line in lines)
        assert run(capsys, "catalog", "--constraints")[0] == 2

    def test_prints_bundled_configs_that_validate(self, file: Writer, capsys: Capture):
        _, text, _ = run(capsys, "catalog", "0.7.3", "--distribution", "starter")

        assert run(capsys, "validate", "--stack-version", "0.7.3", file(text))[0] == 0

    @pytest.mark.parametrize("option", ["--providers", "--distribution"])
    def test_answers_an_unknown_name_with_those_there_are(self, capsys: Capture, option: str):
        status, _, err = run(capsys, "catalog", "0.7.3", option, "zzz")

        assert (status, "it has " in err) == (2, True)


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_offers_every_command_and_option(self, capsys: Capture, shell: str):
        _, out, _ = run(capsys, "completion", shell)

        assert all(command in out for command in COMMANDS)
        assert "stack-version" in out


@pytest.mark.parametrize("name", ["validate", "containerfile"])
def test_what_stays_on_this_machine_imports_neither_kopf_nor_kubernetes(name: str, file: Writer):
    code = (
        "import sys; from llamastack_operator.cli import main; main(sys.argv[1:]);"
        "print([m for m in ('kopf', 'kubernetes', 'aiohttp', 'asyncio') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, name, "--stack-version", "0.7.3", file(GOOD)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_no_command_prints_help_and_exits_with_2(capsys: Capture):
    status, out, _ = run(capsys)

    assert status == 2
    assert all(command in out for command in COMMANDS)


def test_every_command_describes_itself():
    text = build_parser([], all_commands=True).format_help()

    assert all(command in text for command in COMMANDS)


def test_a_right_config_is_checked_without_the_modules_that_only_mistakes_need(tmp_path: Path):
    """They are half of the time that a check takes; a process of its own, since others have imported them here."""
    config = tmp_path / "run.yaml"
    config.write_text(GOOD)
    code = (
        "import sys\nfrom llamastack_operator.cli import main\n"
        f"assert main(['validate', '--stack-version', '0.7.3', {str(config)!r}]) == 0\n"
        "unneeded = {'pydantic', 'pydantic_core', 'difflib', 'importlib.metadata'}\n"
        "print(sorted(unneeded & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stdout + done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_module_and_its_section(name: str):
    module = import_module(f"llamastack_operator.cli.{name.replace('-', '_')}")
    assert callable(module.configure)
    assert callable(module.run)
    assert f"llamastack {name}" in (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
