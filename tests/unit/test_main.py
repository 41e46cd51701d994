"""The operator's options: what the chart passes reaches the builds, and what makes no sense is refused."""

from __future__ import annotations

from typing import Any

import pytest

from llamastack_operator import __main__
from llamastack_operator.controller.operator import OperatorSettings
from llamastack_operator.kube.restored import RestoredError
from llamastack_operator.workloads.settings import ImageSettings


def settings_of(monkeypatch: pytest.MonkeyPatch, *options: str) -> OperatorSettings:
    """Return the settings that the operator would run with."""
    seen: list[OperatorSettings] = []

    async def run(settings: OperatorSettings) -> None:
        seen.append(settings)

    monkeypatch.setattr(__main__, "_run", run)
    assert __main__.main(list(options)) == 0
    return seen[0]


def images(monkeypatch: pytest.MonkeyPatch, *options: str) -> ImageSettings:
    """Return the image settings that the operator would run with."""
    return settings_of(monkeypatch, *options).workloads.images


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_without_options_nothing_can_be_built_and_nothing_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert images(monkeypatch) == ImageSettings()


def test_each_option_reaches_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {
        "--operator-image": "o:1",
        "--python-image": "p:1",
        "--index-url": "https://i.example/simple",
        "--named-index": "pytorch-cpu=https://t.example/whl?a=b",
        "--registry-mirror": "docker.io=http://m:5000",
        "--registry-address": "registry.local=http://r:5000",
        "--insecure-registry": "r:5000",
        "--parallel-builds": "2",
        "--build-timeout": "60",
    }
    assert images(monkeypatch, *(word for pair in options.items() for word in pair)) == ImageSettings(
        operator="o:1",
        python="p:1",
        index="https://i.example/simple",
        named_indexes=(("pytorch-cpu", "https://t.example/whl?a=b"),),
        mirrors=(("docker.io", "http://m:5000"),),
        addresses=(("registry.local", "http://r:5000"),),
        insecure=("r:5000",),
        parallel=2,
        default_timeout=60,
    )


def test_servers_are_asked_how_their_providers_are_unless_that_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch).provider_health
    assert not settings_of(monkeypatch, "--no-provider-health").provider_health


def test_proxies_are_those_of_the_operators_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://p:3128")
    monkeypatch.setenv("no_proxy", "")
    assert images(monkeypatch).proxies == (("HTTPS_PROXY", "http://p:3128"),)


@pytest.mark.parametrize("option", ["--named-index", "--registry-mirror", "--registry-address"])
@pytest.mark.parametrize("value", ["x", "=http://a", "x="])
def test_a_pair_that_is_none_is_refused_in_words(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[Any]
) -> None:
    with pytest.raises(SystemExit) as ended:
        images(monkeypatch, f"{option}={value}")
    assert ended.value.code == 2
    assert "is not of the form NAME=VALUE" in capsys.readouterr().err


def test_a_store_that_was_set_back_ends_it_with_a_message_and_no_defect(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(_: OperatorSettings) -> None:
        raise ExceptionGroup("tasks", [ExceptionGroup("inner", [RestoredError("the store was set back")])])

    monkeypatch.setattr(__main__, "_run", run)
    assert __main__.main(["--log-format", "text"]) == 1
    told = "".join(capsys.readouterr())
    assert "the store was set back; the process ends, and is to begin anew" in told
    assert "Traceback" not in told


LOGIN = "https://platform:canary@a.example"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--index-url", LOGIN),
        ("--named-index", f"pytorch-cpu={LOGIN}"),
        ("--named-index", LOGIN),
        ("--registry-mirror", f"docker.io={LOGIN}"),
        ("--registry-address", f"registry.local={LOGIN}"),
        ("--insecure-registry", "platform:canary@registry.local"),
    ],
)
def test_a_password_that_tenants_would_read_is_refused_and_not_repeated(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[Any]
) -> None:
    with pytest.raises(SystemExit) as ended:
        images(monkeypatch, f"{option}={value}")
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert f"argument {option}: has a user name or password" in told.err
    assert "canary" not in told.out + told.err


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"])
@pytest.mark.parametrize("value", ["http://platform:canary@p:3128", "platform:canary@p:3128"])
def test_a_proxys_password_is_refused_and_not_repeated(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[Any]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        images(monkeypatch)
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert "a proxy has a user name or password" in told.err
    assert "canary" not in told.out + told.err
