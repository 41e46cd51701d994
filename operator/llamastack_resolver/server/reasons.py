"""Reasons about a server that runs."""

from __future__ import annotations

from llamastack_resolver.findings import Declaration, Place, Reason, Severity


class ServerReason(Reason):
    """How a running server falls short."""

    UNREACHABLE = Declaration(
        "Unreachable",
        meaning="The server does not answer, or what answers is no Llama Stack server.",
        cure="Look at the address, and at the conditions of the stack behind it.",
        shows=(Place.REPORT,),
        example="http://bot:8321 answers, but is no Llama Stack server: it has no version",
        severities=(Severity.ERROR,),
    )
    UNHEALTHY = Declaration(
        "Unhealthy",
        meaning="A provider of a running server says of itself that it is not well.",
        cure="Look at what the provider connects to; the message has the provider's own words.",
        shows=(Place.REPORT,),
        example="vllm of `inference` reports Error: connection refused",
        severities=(Severity.ERROR,),
    )
