"""Charts as places on a page: what a template needs to draw lines with intervals as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edupulse.model.bootstrap import Estimate

WIDTH, HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 32, 16, 56


@dataclass(frozen=True)
class Scale:
    """One axis: what it is called, from where to where, and its ticks with what they say."""

    name: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Line:
    """One method: its name, its look (a class of the page's style), and an estimate at each x."""

    name: str
    look: str
    x: tuple[float, ...]
    y: tuple[Estimate, ...]


@dataclass(frozen=True)
class Place:
    """A point in pixels, with the ends of its interval, and what it says when pointed at."""

    x: float
    y: float
    low: float
    high: float
    said: str


@dataclass(frozen=True)
class Drawn:
    """A line in pixels: `points` for a polyline, and every place on it."""

    name: str
    look: str
    points: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Chart:
    """All that the template draws; `guide` is a thin dashed line to compare with."""

    title: str
    told: str
    x_name: str
    y_name: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Drawn, ...]
    guide: str
    guide_name: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def chart(
    title: str,
    told: str,
    x: Scale,
    y: Scale,
    lines: Sequence[Line],
    guide: Sequence[tuple[float, float]] = (),
    guide_name: str = "",
) -> Chart:
    """Lay lines with intervals out on two scales; `told` says in words what is to be seen."""
    return Chart(
        title,
        told,
        x.name,
        y.name,
        tuple((_across(x, at), said) for at, said in x.ticks),
        tuple((_down(y, at), said) for at, said in y.ticks),
        tuple(_drawn(x, y, line, shift) for line, shift in zip(lines, _shifts(lines), strict=True)),
        " ".join(f"{_across(x, a)},{_down(y, b)}" for a, b in guide),
        guide_name,
    )


def _drawn(x: Scale, y: Scale, line: Line, shift: float) -> Drawn:
    places = tuple(
        Place(
            round(_across(x, at) + shift, 1),
            _down(y, one.value),
            _down(y, one.low),
            _down(y, one.high),
            f"{line.name}: {one.value:.0%} ({one.low:.0%} to {one.high:.0%})",
        )
        for at, one in zip(line.x, line.y, strict=True)
    )
    return Drawn(line.name, line.look, " ".join(f"{p.x},{p.y}" for p in places), places)


def _shifts(lines: Sequence[Line]) -> list[float]:
    """A few pixels to either side, so that the intervals of two lines do not hide each other."""
    return [5.0 * (number - (len(lines) - 1) / 2) for number in range(len(lines))]


def _across(scale: Scale, at: float) -> float:
    return _placed(scale, at, _LEFT, WIDTH - _RIGHT)


def _down(scale: Scale, at: float) -> float:
    return _placed(scale, at, HEIGHT - _BOTTOM, _TOP)


def _placed(scale: Scale, at: float, begin: int, end: int) -> float:
    share = (at - scale.low) / (scale.high - scale.low)
    return round(begin + min(max(share, 0.0), 1.0) * (end - begin), 1)
