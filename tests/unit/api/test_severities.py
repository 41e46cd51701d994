"""One rule says how much a finding matters (docs/resolver.md), and every reason keeps to it.

The table names for each reason and severity the part of the rule that it comes under; a reason that declares another
severity, or a new one, has to be given its part here.
"""

from pathlib import Path

from llamastack_operator.api.reasons_page import declared_reasons
from llamastack_resolver.findings import Severity

DOES_NOT_START = "the stack, or what it is to be made of, does not come into being"
SERVES_OTHER = "it starts, and serves something else than is written"
NO_EFFECT = "it starts, and something that is written has no effect"
WILL_GO = "it starts, and something that is written will go"
FAILS_IN_USE = "it starts, and something that is written fails when it is used"
UNJUDGED = "it cannot be judged here"
EXPOSED = "whoever can read the object can read it"
WORTH_KNOWING = "worth knowing, and nothing is wrong"

PARTS = {
    Severity.ERROR: {DOES_NOT_START, SERVES_OTHER},
    Severity.WARNING: {NO_EFFECT, WILL_GO, FAILS_IN_USE, UNJUDGED, EXPOSED},
    Severity.INFO: {WORTH_KNOWING},
}
OF_REASONS = {
    "ApplyFailed": {DOES_NOT_START},
    "ClaimExists": {DOES_NOT_START},
    "Contended": {SERVES_OTHER},
    "DependencyCycle": {DOES_NOT_START, NO_EFFECT},
    "DependencyFailed": {DOES_NOT_START, NO_EFFECT},
    "DuplicateProviderId": {SERVES_OTHER, UNJUDGED},
    "FoundAtStart": {DOES_NOT_START, UNJUDGED},
    "InlineSecret": {EXPOSED},
    "InstantiationFailed": {DOES_NOT_START, UNJUDGED},
    "InvalidManifest": {DOES_NOT_START, NO_EFFECT},
    "InvalidProviderConfig": {DOES_NOT_START, UNJUDGED, WORTH_KNOWING},
    "InvalidRunConfig": {DOES_NOT_START, NO_EFFECT, UNJUDGED},
    "InvalidSpec": {DOES_NOT_START},
    "LimitExceeded": {DOES_NOT_START},
    "MissingDependency": {DOES_NOT_START, FAILS_IN_USE, WORTH_KNOWING},
    "MissingEnv": {DOES_NOT_START},
    "MissingMethod": {DOES_NOT_START, FAILS_IN_USE, WORTH_KNOWING},
    "MissingReference": {DOES_NOT_START, NO_EFFECT, WORTH_KNOWING},
    "ModuleImportFailed": {DOES_NOT_START, FAILS_IN_USE, WORTH_KNOWING},
    "ModuleNotFound": {DOES_NOT_START, WORTH_KNOWING},
    "NameConflict": {DOES_NOT_START},
    "NotImplemented": {DOES_NOT_START, FAILS_IN_USE, WORTH_KNOWING},
    "PassedOver": {WORTH_KNOWING},
    "ProviderDeprecated": {WILL_GO},
    "ProviderDeprecationError": {DOES_NOT_START},
    "ProviderRemoved": {DOES_NOT_START},
    "ProviderRenamed": {DOES_NOT_START},
    "ReadingExceeded": {DOES_NOT_START},
    "ReadingFailed": {DOES_NOT_START},
    "Rejected": {DOES_NOT_START},
    "RequirementConflict": {DOES_NOT_START, FAILS_IN_USE},
    "RequirementInvalid": {DOES_NOT_START},
    "ResolvedInImage": {UNJUDGED, WORTH_KNOWING},
    "ReservedKey": {NO_EFFECT},
    "RoutedApiOverride": {DOES_NOT_START},
    "ServerCannotStart": {DOES_NOT_START},
    "ShadowedProvider": {NO_EFFECT},
    "SignatureMismatch": {DOES_NOT_START, FAILS_IN_USE, WORTH_KNOWING},
    "SlowStart": {WORTH_KNOWING},
    "SpecMismatch": {DOES_NOT_START, SERVES_OTHER, NO_EFFECT},
    "SpecMissing": {DOES_NOT_START, NO_EFFECT},
    "Unhealthy": {SERVES_OTHER},
    "TimeoutShortened": {NO_EFFECT},
    "UnknownApi": {DOES_NOT_START, NO_EFFECT},
    "UnknownField": {SERVES_OTHER, NO_EFFECT},
    "UnknownProviderType": {DOES_NOT_START},
    "Unreachable": {DOES_NOT_START},
    "WaitingForCleanup": {DOES_NOT_START},
    "VariableNotReplaced": {NO_EFFECT},
    "UnsupportedVersion": {DOES_NOT_START, UNJUDGED, WORTH_KNOWING},
}


def test_every_severity_of_every_reason_comes_under_a_part_of_the_rule():
    declared = {
        reason.value: set(reason.declaration.severities)
        for reason in declared_reasons()
        if reason.declaration.severities
    }

    by_rule = {
        word: {severity for severity, parts in PARTS.items() if parts & of_reason}
        for word, of_reason in OF_REASONS.items()
    }

    assert declared == by_rule


def test_the_rule_is_written_down():
    text = (Path(__file__).parents[3] / "docs" / "resolver.md").read_text("utf-8")

    assert all(f"| {severity.value} | " in text for severity in Severity)
