"""Reasons that several rooms of the resolver raise."""

from __future__ import annotations

from llamastack_resolver.findings import (
    ERROR_OF_A_STACK,
    PASSING_ERROR_OF_A_STACK,
    Declaration,
    Place,
    Reason,
    Severity,
)


class ConfigReason(Reason):
    """What is wrong with a manifest or a run config."""

    INVALID_MANIFEST = Declaration(
        "InvalidManifest",
        meaning="A document is no LlamaStack manifest, no run config and no build config, or a field of it cannot be.",
        cure="Correct the field; `kubectl explain llamastack.spec` and docs/stack.md have what is admitted.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *ERROR_OF_A_STACK),
        example="`spec` is required, and missing",
        severities=(Severity.ERROR, Severity.WARNING),
    )
    INVALID_RUN_CONFIG = Declaration(
        "InvalidRunConfig",
        meaning="The run config is no YAML, or has not the shape that the release reads.",
        cure="Correct what the message names at the path.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *ERROR_OF_A_STACK),
        example="spec.runConfig.providers must be a mapping from API to providers, not a list",
        severities=(Severity.ERROR, Severity.WARNING),
    )
    UNKNOWN_FIELD = Declaration(
        "UnknownField",
        meaning=(
            "The release ignores a key. It is an error where another release understands it and what is served depends "
            "on it; it is a warning where nothing changes without it, or nobody knows it."
        ),
        cure="Correct its name, move the content to its new place, or remove it.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *ERROR_OF_A_STACK),
        example="llama-stack 0.7.3 ignores `model`",
        severities=(Severity.ERROR, Severity.WARNING),
    )
    INLINE_SECRET = Declaration(
        "InlineSecret",
        meaning="A secret stands in clear text in the manifest: whoever can read the object can read it.",
        cure="Put it into a Secret, name that in `spec.server.env`, and write `${env.NAME}` in the run config.",
        shows=(Place.REPORT, Place.FINDING, Place.EVENT),
        example="`api_key` holds a secret in clear text",
        severities=(Severity.WARNING,),
    )
    PASSED_OVER = Declaration(
        "PassedOver",
        meaning="A document belongs to another operator, and nothing of it is checked but the run config beside it.",
        cure="Hand in the ConfigMap with its run config as well.",
        shows=(Place.REPORT,),
        example="OGXServer is another operator's kind: nothing of it is checked but the run config in a ConfigMap",
        severities=(Severity.INFO,),
    )
    MISSING_ENV = Declaration(
        "MissingEnv",
        meaning="The run config uses an environment variable that is not set and has no default.",
        cure="Set it in `spec.server.env`, or give a default: `${env.NAME:=value}`.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *ERROR_OF_A_STACK),
        example="environment variable VLLM_URL is not set",
        severities=(Severity.ERROR,),
    )
    VARIABLE_NOT_REPLACED = Declaration(
        "VariableNotReplaced",
        meaning="Text looks like a reference to a variable and is none: the release leaves it as it is.",
        cure="Write `${env.NAME}`, `${env.NAME:=default}` or `${env.NAME:+value}`, with the name in upper case.",
        shows=(Place.REPORT, Place.FINDING, Place.EVENT),
        example="`${env.VLLM_URL:...}` is no reference to a variable: the release leaves it as it is",
        severities=(Severity.WARNING,),
    )
    MISSING_REFERENCE = Declaration(
        "MissingReference",
        meaning=(
            "Something that is referred to by name is not there: a ConfigMap, Secret or claim, a key in it, a storage "
            "backend, or a provider. In a cluster it is looked for again with backoff, and picked up when it arrives."
        ),
        cure="Create what is named, or name what is there.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *PASSING_ERROR_OF_A_STACK),
        example="spec.server.env[0].valueFrom.secretKeyRef: the Secret 'vllm' does not exist",
        severities=(Severity.ERROR, Severity.WARNING, Severity.INFO),
    )
    UNSUPPORTED_VERSION = Declaration(
        "UnsupportedVersion",
        meaning="The release is not known here, cannot do what is asked of it, or is another one than was named.",
        cure="Name a release of `llamastack catalog`, and an image that holds it.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, Place.IMAGE_READY.false, *ERROR_OF_A_STACK),
        example="llama-stack 9.9.9 is not in the catalog: nothing can be built for it",
        severities=(Severity.ERROR, Severity.WARNING, Severity.INFO),
    )
    SERVER_CANNOT_START = Declaration(
        "ServerCannotStart",
        meaning="The server itself, not one of its providers, stops while it starts.",
        cure="Do what the finding's hint says; the message has the server's own words.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *ERROR_OF_A_STACK),
        example="the server of llama-stack 0.2.17 stops at `datasets`: it cannot register datasets of the run config",
        severities=(Severity.ERROR,),
    )


class ProtocolReason(Reason):
    """Where a provider, or a server, does not do what an API promises."""

    MISSING_METHOD = Declaration(
        "MissingMethod",
        meaning="A provider lacks a method of its API's protocol, or a server lacks the route of one.",
        cure="Use a version of the provider's package, or of the server, that is made for this release.",
        shows=(Place.REPORT, Place.PROTOCOL_COMPLIANT.false, *ERROR_OF_A_STACK),
        example="`inference` lacks POST /v1/rerank",
        severities=(Severity.ERROR, Severity.WARNING, Severity.INFO),
    )
    SIGNATURE_MISMATCH = Declaration(
        "SignatureMismatch",
        meaning="A provider's method takes other arguments than its API's protocol says.",
        cure="Use a version of the provider's package that is made for this release.",
        shows=(Place.REPORT, Place.PROTOCOL_COMPLIANT.false, *ERROR_OF_A_STACK),
        example="Mine.rerank does not take model: it takes query (Inference)",
        severities=(Severity.ERROR, Severity.WARNING, Severity.INFO),
    )
    NOT_IMPLEMENTED = Declaration(
        "NotImplemented",
        meaning="A provider has a method only as its API's protocol declares it: a call does nothing.",
        cure="Use a version of the provider's package that is made for this release.",
        shows=(Place.REPORT, Place.PROTOCOL_COMPLIANT.false, *ERROR_OF_A_STACK),
        example="Mine.rerank is only declared by the protocol, not implemented (Inference)",
        severities=(Severity.ERROR, Severity.WARNING, Severity.INFO),
    )
