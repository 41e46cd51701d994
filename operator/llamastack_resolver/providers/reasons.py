"""Reasons about provider entries, and about the modules that bring providers."""

from __future__ import annotations

from llamastack_resolver.findings import (
    ERROR_OF_A_STACK,
    FAILURE_OF_A_BUILD,
    UNRESOLVED,
    Declaration,
    Place,
    Reason,
    Severity,
)


class ProviderReason(Reason):
    """What is wrong with an entry of `providers`."""

    UNKNOWN_API = Declaration(
        "UnknownApi",
        meaning="The release has no such API, or one that is written otherwise, or that takes no providers.",
        cure="Correct the name, or remove the section.",
        shows=(Place.REPORT, *UNRESOLVED, *ERROR_OF_A_STACK),
        example="llama-stack 0.7.3 has no API `inferense`",
        severities=(Severity.ERROR, Severity.WARNING),
    )
    UNKNOWN_PROVIDER_TYPE = Declaration(
        "UnknownProviderType",
        meaning="The release has no provider of that type for the API.",
        cure="Correct the type, or add `module:` for a provider that a package brings.",
        shows=(Place.REPORT, *UNRESOLVED, *ERROR_OF_A_STACK),
        example="llama-stack 0.7.3 has no provider remote::vlm for `inference`",
        severities=(Severity.ERROR,),
    )
    PROVIDER_RENAMED = Declaration(
        "ProviderRenamed",
        meaning="The type exists in another release under another name.",
        cure="Use the name that the hint gives.",
        shows=(Place.REPORT, *UNRESOLVED, *ERROR_OF_A_STACK),
        example="inline::meta-reference does not exist since llama-stack 0.3.0",
        severities=(Severity.ERROR,),
    )
    PROVIDER_REMOVED = Declaration(
        "ProviderRemoved",
        meaning="The type is gone, and nothing takes its place as it is.",
        cure="Do what the hint says, or remove the entry.",
        shows=(Place.REPORT, *UNRESOLVED, *ERROR_OF_A_STACK),
        example="inline::bedrock does not exist since llama-stack 0.3.0",
        severities=(Severity.ERROR,),
    )
    PROVIDER_DEPRECATED = Declaration(
        "ProviderDeprecated",
        meaning="The release still starts the type, and will not for ever.",
        cure="Change to what the message names before the next upgrade.",
        shows=(Place.REPORT, Place.FINDING, Place.DEPRECATED.true, Place.EVENT),
        example="remote::old is deprecated: use remote::new",
        severities=(Severity.WARNING,),
    )
    PROVIDER_DEPRECATION_ERROR = Declaration(
        "ProviderDeprecationError",
        meaning="The release knows the type and refuses to start it; the message has its words.",
        cure="Change to what the message names.",
        shows=(Place.REPORT, *UNRESOLVED, Place.DEPRECATED.true, *ERROR_OF_A_STACK),
        example="remote::old was replaced by remote::new",
        severities=(Severity.ERROR,),
    )
    ROUTED_API_OVERRIDE = Declaration(
        "RoutedApiOverride",
        meaning="The API is a routing table that the stack makes itself.",
        cure="Configure the providers of its router instead, for `models` those of `inference`.",
        shows=(Place.REPORT, *UNRESOLVED, *ERROR_OF_A_STACK),
        example="`models` is provided automatically and cannot be overridden",
        severities=(Severity.ERROR,),
    )
    DUPLICATE_PROVIDER_ID = Declaration(
        "DuplicateProviderId",
        meaning="Two entries of an API have the same `provider_id`: only the last one would be started.",
        cure="Give each provider of an API an id of its own.",
        shows=(Place.REPORT, *UNRESOLVED, *ERROR_OF_A_STACK),
        example="the id 'vllm' is used at providers.inference[0] already: only the last one would be started",
        severities=(Severity.ERROR, Severity.WARNING),
    )
    SHADOWED_PROVIDER = Declaration(
        "ShadowedProvider",
        meaning="One provider takes the place of another one.",
        cure="Give the external provider a type of its own, or keep one entry.",
        shows=(Place.REPORT, Place.FINDING, Place.EVENT),
        example="my_vllm==1.0 replaces the built-in provider remote::vllm",
        severities=(Severity.WARNING,),
    )
    INVALID_PROVIDER_CONFIG = Declaration(
        "InvalidProviderConfig",
        meaning="The `config` of a provider does not fit the provider's config class.",
        cure="Correct the field that the path names.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *ERROR_OF_A_STACK),
        example="expected a number, found text",
        severities=(Severity.ERROR, Severity.WARNING, Severity.INFO),
    )
    RESOLVED_IN_IMAGE = Declaration(
        "ResolvedInImage",
        meaning="What a package brings is not known here. It is looked at where the package is installed.",
        cure="",
        shows=(Place.REPORT, Place.FINDING, Place.PROVIDERS_RESOLVED.unknown, Place.EVENT),
        example="what my-provider provides is looked at where it is installed",
        severities=(Severity.INFO, Severity.WARNING),
    )


class ModuleReason(Reason):
    """What is wrong with a package that brings providers, or with what it asks for."""

    REQUIREMENT_INVALID = Declaration(
        "RequirementInvalid",
        meaning="A requirement does not follow PEP 508, or has an option that is not passed to pip.",
        cure="Write name, extras and versions, such as `my-provider[extra]>=1.0,<2`.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *FAILURE_OF_A_BUILD),
        example="'--upgrade' names no package",
        severities=(Severity.ERROR,),
    )
    MODULE_NOT_FOUND = Declaration(
        "ModuleNotFound",
        meaning="There is no such package, or no such version of it, on the index or where the stack runs.",
        cure="Correct name and version in `module:`, or name the index that has it in `spec.build.pip`.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *FAILURE_OF_A_BUILD),
        example="my-provider is not installed here",
        severities=(Severity.ERROR, Severity.INFO),
    )
    MODULE_IMPORT_FAILED = Declaration(
        "ModuleImportFailed",
        meaning="A module is installed and cannot be imported with this release.",
        cure="Use a version of the package that is made for the release; the message has the error.",
        shows=(Place.REPORT, *UNRESOLVED, *FAILURE_OF_A_BUILD),
        example="importing my_provider.provider failed: ImportError: no such name",
        severities=(Severity.ERROR, Severity.WARNING, Severity.INFO),
    )
    SPEC_MISSING = Declaration(
        "SpecMissing",
        meaning="A module or file has no provider spec, or its spec lacks what every spec has.",
        cure="Add what the message names, or ask the package's author for a version that has it.",
        shows=(Place.REPORT, *UNRESOLVED, *FAILURE_OF_A_BUILD),
        example="my_provider.provider has no get_provider_spec()",
        severities=(Severity.ERROR, Severity.WARNING),
    )
    SPEC_MISMATCH = Declaration(
        "SpecMismatch",
        meaning="A provider spec is not what the entry says, or not what this release takes.",
        cure="Bring entry and spec together as the hint says, or use a version of the package for this release.",
        shows=(Place.REPORT, *UNRESOLVED, *FAILURE_OF_A_BUILD),
        example="my_provider==1.0 provides remote::mine, not remote::yours",
        severities=(Severity.ERROR, Severity.WARNING),
    )
    REQUIREMENT_CONFLICT = Declaration(
        "RequirementConflict",
        meaning="Two requirements exclude each other, for example a module's and the release's.",
        cure="Pin one version that both take, or use another version of one of them.",
        shows=(Place.REPORT, Place.CONFIG_VALID.false, *FAILURE_OF_A_BUILD),
        example="llama-stack==0.6.0 cannot be met: the stack is llama-stack 0.7.3",
        severities=(Severity.ERROR, Severity.WARNING),
    )
