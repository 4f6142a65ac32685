"""All classes of settings that the service reads."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_settings import BaseSettings

from edupulse.serve import worker


def settings_classes(of: type[BaseSettings] = BaseSettings) -> Iterator[type[BaseSettings]]:
    """Those of EduPulse, and those made from them."""
    assert worker  # it has loaded all of them
    for one in of.__subclasses__():
        if one.__module__.startswith("edupulse."):
            yield one
        yield from settings_classes(one)
