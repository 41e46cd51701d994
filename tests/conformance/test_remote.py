"""The clients of running servers against real ones: whole answers and streams, by the routes of each release.

Only the model behind the server is a fake: it answers on loopback as an OpenAI-compatible server does.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llamastack_operator import catalog
from llamastack_resolver.server.event_stream import EventStream
from llamastack_resolver.server.remote import resolve_remote_stack_impls
from tests.conformance.releases import RELEASES, release
from tests.conformance.servers import WORDS, Model, model_server, served


@pytest.fixture
def model() -> Iterator[str]:
    with model_server() as address:
        yield address


def words(answer: dict[str, Any], key: str) -> str:
    return "".join(choice[key].get("content") or "" for choice in answer["choices"])


@pytest.mark.parametrize("name", RELEASES)
def test_a_method_answers_whole_and_streams_as_the_server_sends(name: str, model: str, tmp_path: Path):
    with served(name, model, tmp_path) as connection:
        impls = resolve_remote_stack_impls(connection, ["inference"], catalog.load_release(release(name)))

        async def ask(**more: Any) -> Any:
            list_models = getattr(impls["models"], "openai_list_models", None) or impls["models"].list_models
            listed = await list_models()
            models = [item.get("identifier") or item.get("id") for item in listed["data"]]
            (model_id,) = [one for one in models if one in ("m", "v/m")]
            asked = {"model": model_id, "messages": [{"role": "user", "content": "Weather?"}], **more}
            return await impls["inference"].openai_chat_completion(**(asked if name < "0.3" else {"params": asked}))

        async def stream() -> str:
            events = await ask(stream=True)
            assert isinstance(events, EventStream)
            text = ""
            async for event in events:
                text += words(event, "delta")
                if text:
                    Model.first_arrived.set()
            return text

        assert words(asyncio.run(ask()), "message") == "".join(WORDS)
        assert asyncio.run(stream()) == "".join(WORDS)
