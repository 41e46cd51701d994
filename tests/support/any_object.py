"""Any LlamaStack that the CRD admits, and any namespace around it, as strategies of hypothesis.

Objects are drawn from the very schema that the CRD has, and what it leaves open, the run config and the texts of
ConfigMaps, is as hostile as texts can be. Half characters are among them, which a decoder of the API server replaces:
nothing that is tested with them relies on that.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from llamastack_operator.api.crd import llamastack_crd
from tests.support.passes import Namespace
from tests.support.world import llamastack
from tests.unit.api.admitted import admitted

SPEC = llamastack_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
NEST = "a nest of so many lists: "
"""A text that begins so becomes lists within lists, as many as the number that follows: no encoder writes them."""

ODD = [
    "",
    " ",
    "\x00",
    "\x7f",
    "\ud800",
    "\ufeff",
    "🦙",
    "<",
    "~",
    "null",
    "1e5",
    "2026-13-45",
    "-",
    "{",
    "}",
    "${env.",
]
REFERENCES = [
    "${env.A}",
    "${env.A:=}",
    "${env.A:+b}",
    "${env.a}",
    "${env.A:={${env.B}}",
    "${env.A:=${env.A:=",
    "$${env.A}",
]
PIECES = st.sampled_from([*ODD, *REFERENCES])
TEXTS = st.one_of(
    PIECES,
    st.lists(PIECES, max_size=6).map("".join),
    st.text(max_size=6),
    st.builds(lambda piece, times: piece * times, PIECES, st.sampled_from([600, 3000, 20_000])),
    st.sampled_from([90, 101, 3000]).map(lambda depth: f"{NEST}{depth}"),
)
NUMBERS = st.integers() | st.sampled_from([0, -1, 2**63, 10**400]) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(TEXTS, parts, max_size=3),
    max_leaves=8,
)


def nearly(*right: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for what is mostly one of these, so that what comes after a first check is met too."""
    return st.sampled_from(right) | st.sampled_from(right) | st.sampled_from(right) | JSON


ENTRY = st.fixed_dictionaries(
    {
        "provider_type": nearly(
            "remote::vllm", "remote::vlm", "inline::builtin", "inline::meta-reference", "remote::own"
        )
    },
    optional={
        "provider_id": nearly("a", "b", "${env.A:+a}", "${env.A}", None),
        "module": nearly("a==1", "my_module", "a[b]>=1", "a @ https://index.example/a.whl"),
        "config": st.dictionaries(nearly("base_url", "url", "kvstore", "persistence").map(str), JSON, max_size=3)
        | JSON,
    },
)
APIS = st.sampled_from(["inference", "safety", "vector_io", "models", "inferense", "eval", "tool_runtime"])
SECTIONS = st.dictionaries(APIS | TEXTS, st.lists(ENTRY | JSON, max_size=3) | JSON, max_size=4)
KNOWN = st.sampled_from(
    [
        "version",
        "apis",
        "image_name",
        "distro_name",
        "storage",
        "server",
        "models",
        "shields",
        "registered_resources",
        "vector_stores",
        "external_providers_dir",
        "external_apis_dir",
        "container_image",
        "telemetry",
        "safety",
        "logging",
    ]
)
RUN_CONFIG = st.builds(
    lambda sections, others: {**others, **({} if sections is None else {"providers": sections})},
    st.none() | SECTIONS | SECTIONS | JSON,
    st.dictionaries(KNOWN | TEXTS, JSON, max_size=3),
)
RELEASES = st.sampled_from(
    [{"package": "llama-stack", "version": version} for version in ("0.2.23", "0.3.5", "0.7.3", "0.7.9", "9.9.9")]
    + [{"package": "ogx", "version": "1.5.0"}]
)
NAMES = st.sampled_from(["a", "b"])
REFERENCE = st.fixed_dictionaries({"name": NAMES, "key": NAMES})
NAMED = st.fixed_dictionaries({"name": NAMES})
CHOSEN = {
    ".spec.runConfig": RUN_CONFIG,
    ".spec.distribution.release": RELEASES,
    ".spec.runConfigFrom.configMapKeyRef": REFERENCE,
    ".spec.externalProviders[].configMapKeyRef": REFERENCE,
    ".spec.externalApis[].configMapKeyRef": REFERENCE,
    ".spec.build.repository": st.just("registry.example/team-a/images"),
    ".spec.build.pushSecretRef": NAMED,
    ".spec.build.pullSecretRef": NAMED,
    ".spec.build.caBundleRef": REFERENCE,
    ".spec.build.pip.secretRef": NAMED,
    ".spec.build.pip.requirements[]": TEXTS | st.just("a==1"),
    ".spec.build.pip.constraints[]": TEXTS | st.just("a<2"),
    ".spec.server.storage.claimName": NAMES,
    ".spec.server.env[].name": st.sampled_from(["A", "B"]),
    ".spec.server.env[].value": TEXTS,
    ".spec.server.env[].valueFrom.configMapKeyRef": REFERENCE,
    ".spec.server.env[].valueFrom.secretKeyRef": REFERENCE,
    ".spec.server.envFrom[].configMapRef": NAMED,
    ".spec.server.envFrom[].secretRef": NAMED,
    ".spec.server.podTemplate.volumes[].configMap.name": NAMES,
    ".spec.server.podTemplate.volumes[].secret.secretName": NAMES,
    ".spec.server.podTemplate.volumes[].persistentVolumeClaim.claimName": NAMES,
}
"""What the schema says little of, and what leads to something or nothing: names that are drawn would never meet."""
PROVIDER_FILE = st.builds(
    json.dumps,
    st.dictionaries(
        st.sampled_from(
            [
                "adapter",
                "adapter_type",
                "api",
                "provider_type",
                "module",
                "config_class",
                "pip_packages",
                "api_dependencies",
                "optional_api_dependencies",
                "provider_data_validator",
            ]
        ),
        JSON | APIS | st.lists(APIS, max_size=2),
        max_size=6,
    ),
)
FILES = (
    TEXTS
    | PROVIDER_FILE
    | RUN_CONFIG.map(json.dumps)
    | st.sampled_from(["a: &a [*a]", "? {a: b}\n: c", "--- a\n--- b", "!!set {a}"])
)
NAMESPACES = st.builds(
    Namespace,
    config_maps=st.fixed_dictionaries(
        {"a": st.fixed_dictionaries({"a": FILES, "b": FILES})}, optional={"b": st.just({})}
    ),
    secrets=st.fixed_dictionaries(
        {"a": st.just(frozenset({"a", "b", ".dockerconfigjson"}))}, optional={"b": st.just(frozenset())}
    ),
    claims=st.just(frozenset({"a"})),
)


def as_admitted(spec: dict[str, Any]) -> dict[str, Any]:
    """Keep the rules in CEL that matter here: just one run config, and an image or a release."""
    if "runConfig" in spec:
        spec.pop("runConfigFrom", None)
    else:
        spec.setdefault("runConfigFrom", {"configMapKeyRef": {"name": "a", "key": "b"}})
    if not spec.get("distribution"):
        spec["distribution"] = {"image": "registry.example/starter:1"}
    return spec


def as_text(spec: dict[str, Any], body: dict[str, Any] | None = None) -> str:
    """Return a stack as JSON, with the nests in it.

    Args:
        spec: its spec, as it was drawn.
        body: what is around it; None for any.
    """
    parts = json.dumps({**(body or llamastack()), "spec": spec}).split(f'"{NEST}')
    text = parts[0]
    for part in parts[1:]:
        depth, _, rest = part.partition('"')
        # A key is a text, whatever it says.
        text += f'"{depth}"{rest}' if rest.startswith(":") else f"{'[' * int(depth)}{']' * int(depth)}{rest}"
    return text


SPECS = admitted(SPEC, ".spec", CHOSEN).map(as_admitted)
"""Any spec that is admitted."""
