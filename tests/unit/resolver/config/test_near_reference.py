"""Text that looks like a reference to a variable and is none: what is told, and what is left alone."""

import pytest

from llamastack_resolver.behaviour import NEWEST, Behaviour
from llamastack_resolver.config.env import Environment, substitute

RULES = Behaviour.of(NEWEST)


def advice(text: str) -> str | None:
    near = substitute({"a": text}, Environment(others="unknown"), RULES).near
    return near["a"].advice if near else None


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("${env.VLLM_URL:http://localhost:8000/v1}", "write ${env.VLLM_URL:=http://localhost:8000/v1}"),
        ("${env.VLLM_API_TOKEN:-fake}", "write ${env.VLLM_API_TOKEN:=...}"),
        ("${env.KEY:?needed}", "write ${env.KEY}"),
        ("${env.KEY?}", "write ${env.KEY}"),
        ("${env.PORT:8321}", "write ${env.PORT:=8321}"),
        ("${env.PORT=8321}", "write ${env.PORT:=8321}"),
        ("${env.X+on}", "write ${env.X:+...}"),
        ("${env.openai_key:=x}", "write ${env.OPENAI_KEY:=...}: names of variables are in upper case"),
        ("${env.VLLM-URL}", "write ${env.VLLM_URL}"),
        ("${ENV.KEY}", "write ${env.KEY}"),
        ("${ env.KEY }", "write ${env.KEY}"),
        ("${env. KEY}", "write ${env.KEY}"),
        ("${env.KEY", "close it: ${env.KEY}"),
        ("${env.DIR:~/.llama}/registry.db", "write ${env.DIR:=~/.llama}"),
        ("${env.HOST}:${env.PORT:80}", "write ${env.PORT:=80}"),
        ("$env.KEY", "write ${env.KEY}"),
        ("${KEY}", "write ${env.KEY}"),
        ("${key}", "write ${env.KEY}: names of variables are in upper case"),
        ("${KEY:-x}", "write ${env.KEY:=...}"),
        ("$OPENAI_API_KEY", "write ${env.OPENAI_API_KEY}"),
        ("$(OPENAI_API_KEY)", "write ${env.OPENAI_API_KEY}"),
        ("http://${VLLM_HOST}:8000", "write ${env.VLLM_HOST}"),
        ("${env.PORT-8321}", "write ${env.PORT:=8321}"),
        ("${env.KEY-none}", "write ${env.KEY:=...}"),
        ("${env:KEY}", "write ${env.KEY}"),
        ("${VLLM_URL}/v1", "write ${env.VLLM_URL}"),
        ("${VLLM_URL:-http://localhost:8000}/v1", "write ${env.VLLM_URL:=http://localhost:8000}"),
        ("$HOME/.llama/registry.db", "write ${env.HOME}"),
        ("http://${host}:8000/v1", "write ${env.HOST}: names of variables are in upper case"),
        ("http://${env.HOST}:${port}/v1", "write ${env.PORT}: names of variables are in upper case"),
        ("{{ env.KEY }}", "write ${env.KEY}"),
        ("${{ env.KEY }}", "write ${env.KEY}"),
        ("http://{{ .Values.host }}:8000/v1", "check what `helm template` prints, or write ${env.NAME}"),
        ('{{- include "chart.url" . }}', "check what `helm template` prints, or write ${env.NAME}"),
        ("${env.A:=${env.B}}", "write ${env.A:=value} with a plain value, and set A where it has to be another one"),
        ("${env.A:+${B}}", "write ${env.A:=value} with a plain value, and set A where it has to be another one"),
    ],
)
def test_the_right_form_is_told(text: str, right: str):
    assert advice(text) == right


@pytest.mark.parametrize(
    "text",
    [
        "${env.KEY}",
        "${env.KEY:=}",
        "${env.KEY:=$1}",
        "${env.A}-${env.B:+x}",
        "costs $5",
        "$5",
        "$",
        "pa$$word",
        "a$B",
        "Answer ${QUESTION} in one sentence.",
        "p@${ss}word",
        "See http://${host} for more.",
        "Answer $env.QUESTION in one sentence.",
        "${question} and ${answer}",
        "{query}",
        "{{question}}",
        "{{ question }} in {% if x %}",
        "${1}",
        "${}",
        "x" * 5000 + "${KEY}",
    ],
)
def test_other_text_is_left_alone(text: str):
    assert advice(text) is None


def test_a_default_that_may_be_secret_is_repeated_nowhere():
    near = substitute({"a": "${env.API_KEY:-sk-live}"}, Environment(), RULES).near["a"]

    assert "sk-live" not in near.message + near.advice
    assert near.message == "`${env.API_KEY:-...}` is no reference to a variable: the release leaves it as it is"


def test_what_is_removed_is_not_looked_at():
    config = {"inference": [{"provider_id": "__disabled__", "config": {"url": "${env.X:y}"}}]}

    assert substitute(config, Environment(), RULES).near == {}
