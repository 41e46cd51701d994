"""The packages that the examples name and nobody publishes: code that does nothing, so that servers can load it,
and that has what the protocol of its API asks for."""

from tests.packages.build import Package

_PROVIDER = """from my_ollama_provider.config import OllamaConfig
from my_ollama_provider.config import OllamaConfig as Config


class Provider:
    model_store = None

    async def initialize(self): ...
    async def shutdown(self): ...
    async def should_refresh_models(self): return False
    async def list_models(self): return []
    async def register_model(self, model): return model
    async def unregister_model(self, model_id): ...
    async def openai_completion(self, params): ...
    async def openai_chat_completion(self, params): ...
    async def openai_embeddings(self, params): ...


async def get_adapter_impl(config, deps):
    return Provider()
"""
_CONFIG = "from pydantic import BaseModel\nclass OllamaConfig(BaseModel):\n    url: str\n"
_WEATHER = """from typing import Protocol
class WeatherApi(Protocol): ...
def available_providers():
    return []
"""

OLLAMA = Package(
    "my-ollama-provider",
    "1.2",
    {"my_ollama_provider/__init__.py": _PROVIDER, "my_ollama_provider/config.py": _CONFIG},
)
WEATHER = Package("weather-api", "1.0", {"weather_api.py": _WEATHER})
TOOLS = Package("my-tools", "1.2", {"my_tools.py": ""})
