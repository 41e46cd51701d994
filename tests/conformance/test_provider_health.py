"""What the operator reads of real servers' providers, while their model server answers and when it does not.

From 0.3.0 on no release tells it: the part of a server that answers is given the internal APIs alone, so that it calls
the health of each provider not implemented. Where this test fails of a new release, that is mended.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from llamastack_operator.api.status import Health, ProviderName
from llamastack_operator.probe.health import provider_health
from llamastack_resolver.server.remote import Connection
from tests.conformance.releases import RELEASES, release
from tests.conformance.servers import Model, model_server, served

MODEL: ProviderName = ("inference", "v")


def told(connection: Connection) -> dict[ProviderName, Health] | None:
    address = urlsplit(connection.url)
    assert address.hostname and address.port
    return asyncio.run(provider_health(address.hostname, address.port, {MODEL}))


@pytest.mark.parametrize("name", RELEASES)
def test_the_health_of_a_model_server_is_what_its_release_tells(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tells = release(name) < release("0.3.0")
    with model_server() as model, served(name, model, tmp_path) as connection:
        assert told(connection) == ({MODEL: "OK"} if tells else {})
        monkeypatch.setattr(Model, "do_GET", lambda request: request.send_error(500))
        assert told(connection) == ({MODEL: "Error"} if tells else {})
