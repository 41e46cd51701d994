"""An API of one's own for a release: upstream's example, whose providers come from elsewhere."""

from llamastack_resolver.releases import Release
from tests.packages.build import Package

_API = """from typing import Protocol
{webmethod}

def available_providers():
    return []

class Weather(Protocol):
    {mark}
    async def locations(self) -> dict[str, list[str]]: ...

def create_router(impl):
    from fastapi import APIRouter
    router = APIRouter(prefix="/v1")
    router.add_api_route("/weather/locations", impl.locations, methods=["GET"])
    return router
"""


def weather_package(release: Release) -> Package:
    """Return the package of the API: its routes are marks up to 0.3, and a router of its own since 0.7."""
    marks = not release.since("0.4.0")
    level = ', level="v1"' if release.since("0.2.23") else ""
    webmethod = "from llama_stack.schema_utils import webmethod" if marks else ""
    mark = f'@webmethod(route="/weather/locations", method="GET"{level})' if marks else ""
    return Package("weather-api", "1.0", {"weather_api.py": _API.format(webmethod=webmethod, mark=mark)})
