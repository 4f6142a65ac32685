"""The API document in a browser: to be read and tried, by files of our own alone."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

from edupulse.school.errors import NotFound

router = APIRouter(include_in_schema=False)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""No other host and no script inside the page; Swagger UI's own style sheet draws its icons."""

FILES = {
    "docs.js": ("docs.js", "text/javascript"),
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css"),
}
"""What the page asks for: its name, the file under `api/static`, its type."""


@router.get("/docs")
def docs() -> Response:
    """The page."""
    headers = {"Content-Security-Policy": POLICY}
    return Response(_static("docs.html"), media_type="text/html", headers=headers)


@router.get("/docs/{name}")
def docs_file(name: str) -> Response:
    """A file of the page."""
    if name not in FILES:
        raise NotFound("The page has no such file.", "Open the page itself.")
    path, media_type = FILES[name]
    return Response(_static(path), media_type=media_type, headers={"Cache-Control": "max-age=3600"})


@cache
def _static(path: str) -> bytes:
    return files("edupulse.api").joinpath("static", path).read_bytes()
