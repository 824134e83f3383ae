"""Photo-like pictures without photos: signed distance fields, lit and shadowed in numpy, and layered landscapes.

Source: sphere tracing after Hart, The Visual Computer 12 (1996); smooth unions and soft shadows after I. Quilez.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]
Field = Callable[[Array], Array]
OVERSAMPLE = 1.6


@dataclass(frozen=True)
class Shot:
    """Where the camera stands and how the scene is lit; lengths in scene units, colours in 0..1."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    zoom: float = 1.8
    sun: tuple[float, float, float] = (-0.5, 0.75, -0.45)
    sky: tuple[float, float, float] = (0.93, 0.95, 0.97)
    floor: float = 0.0
    size: tuple[int, int] = (900, 600)


def vector(*values: float) -> Array:
    """A float32 vector."""
    return np.array(values, np.float32)


def unit(v: Array) -> Array:
    """Vectors scaled to length 1 along the last axis."""
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-6), np.float32)


def ball(p: Array, centre: Array, radius: float) -> Array:
    """Distance to a sphere."""
    return np.asarray(np.linalg.norm(p - centre, axis=-1) - radius, np.float32)


def rod(p: Array, centre: Array, *, axis: int, half: float, radius: float) -> Array:
    """Distance to a cylinder along a coordinate axis, edges slightly rounded."""
    q = p - centre
    across = np.sqrt(np.maximum((q**2).sum(-1) - q[..., axis] ** 2, 0)) - radius + 0.03
    along = np.abs(q[..., axis]) - half + 0.03
    outside = np.sqrt(np.maximum(across, 0) ** 2 + np.maximum(along, 0) ** 2)
    return np.asarray(outside + np.minimum(np.maximum(across, along), 0) - 0.03, np.float32)


def hoop(p: Array, centre: Array, *, axis: int, radius: float, thick: float) -> Array:
    """Distance to a torus around a coordinate axis."""
    q = p - centre
    across = np.sqrt(np.maximum((q**2).sum(-1) - q[..., axis] ** 2, 0)) - radius
    return np.asarray(np.sqrt(across**2 + q[..., axis] ** 2) - thick, np.float32)


def block(p: Array, centre: Array, half: Array) -> Array:
    """Distance to a box with rounded edges."""
    q = np.abs(p - centre) - half + 0.04
    return np.asarray(np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(-1), 0) - 0.04, np.float32)


def blend(a: Array, b: Array, soft: float = 0.12) -> Array:
    """Smooth union of two distances, like a casting's fillet."""
    h = np.clip(0.5 + 0.5 * (b - a) / soft, 0, 1)
    return np.asarray(b * (1 - h) + a * h - soft * h * (1 - h), np.float32)


def nearest(*distances: Array) -> Array:
    """Union of parts: the smallest of the distances."""
    return np.asarray(np.minimum.reduce(distances), np.float32)


def _march(scene: Field, origin: Array, rays: Array, *, steps: int, far: float) -> Array:
    depth = np.full(rays.shape[0], 0.02, np.float32)
    live = np.arange(rays.shape[0])
    for _ in range(steps):
        points = (origin[live] if origin.ndim == 2 else origin) + rays[live] * depth[live, None]
        gap = scene(points)
        depth[live] += gap * 0.92
        live = live[(gap > 0.0015) & (depth[live] < far)]
        if live.size == 0:
            break
    return depth


def _normals(scene: Field, points: Array) -> Array:
    columns = []
    for i in range(3):
        step = np.zeros(3, np.float32)
        step[i] = 0.004
        columns.append(scene(points + step) - scene(points - step))
    return unit(np.stack(columns, -1))


def render(scene: Field, colour: Callable[[Array], Array], shot: Shot) -> Image.Image:
    """Trace a scene on a floor.

    Args:
        scene: Distance of points (n, 3) to the object, without the floor.
        colour: Base colour (n, 3) in 0..1 of points on the object.
        shot: Camera and light.

    Returns:
        RGB picture of `shot.size` pixels.
    """
    width, height = (int(side * OVERSAMPLE) for side in shot.size)
    eye, target = vector(*shot.eye), vector(*shot.target)
    forward = unit(target - eye)
    right = unit(np.cross(forward, vector(0, 1, 0)).astype(np.float32))
    up = np.cross(right, forward).astype(np.float32)
    gx, gy = np.meshgrid(np.linspace(-1, 1, width) * width / height, np.linspace(1, -1, height))
    rays = unit((forward * shot.zoom + gx.ravel()[:, None] * right + gy.ravel()[:, None] * up).astype(np.float32))

    def whole(p: Array) -> Array:
        return nearest(scene(p), p[..., 1] - shot.floor)

    depth = _march(whole, eye, rays, steps=90, far=30)
    points = eye + rays * depth[:, None]
    on_floor = scene(points) > 0.02
    sky = np.array(shot.sky, np.float32)
    base = np.where(on_floor[:, None], sky * 0.86, colour(points)).astype(np.float32)
    light = _light(whole, points, rays, sun=unit(vector(*shot.sun)), matte=on_floor)
    lit = base * light[:, :1] + light[:, 1:]
    haze = np.clip((depth - 7) / 14, 0, 1)[:, None]
    picture = lit * (1 - haze) + sky * haze
    picture += np.random.default_rng(7).normal(0, 0.006, (picture.shape[0], 1))
    pixels = (np.clip(picture, 0, 1) ** 0.85 * 255).astype(np.uint8).reshape(height, width, 3)
    return Image.fromarray(pixels).resize(shot.size, Image.Resampling.LANCZOS)


def _light(whole: Field, points: Array, rays: Array, *, sun: Array, matte: NDArray[np.bool_]) -> Array:
    normal = _normals(whole, points)
    diffuse = np.clip(normal @ sun, 0, 1)
    shadow = np.ones(len(points), np.float32)
    reach = np.full(len(points), 0.05, np.float32)
    start = points + normal * 0.02
    for _ in range(22):
        gap = whole(start + sun * reach[:, None])
        shadow = np.minimum(shadow, np.clip(9 * gap / reach, 0, 1))
        reach += np.clip(gap, 0.04, 0.4)
    corner = np.clip(whole(points + normal * 0.22) / 0.22, 0.25, 1)
    half = unit(sun - rays)
    gloss = np.where(matte, 0, 0.55 * np.clip((normal * half).sum(-1), 0, 1) ** 48) * shadow
    mirror = rays - 2 * (rays * normal).sum(-1, keepdims=True) * normal
    strip = np.where(matte, 0, 0.16 * np.exp(-(((mirror[:, 1] - 0.55) / 0.16) ** 2)))
    body = corner * (0.34 + 0.14 * normal[:, 1]) + 0.72 * diffuse * shadow
    return np.stack([body, gloss + strip, gloss + strip, gloss + strip], -1).astype(np.float32)


def ridges(size: tuple[int, int], *, seed: int, dusk: bool = True) -> Image.Image:
    """A mountain landscape: sky, low sun, and ridges that pale with distance.

    Args:
        size: Width and height in pixels.
        seed: Fixes the ridges.
        dusk: Warm evening colours instead of cool morning ones.

    Returns:
        RGB picture.
    """
    width, height = size
    rng = np.random.default_rng(seed)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    top, low = (
        (vector(0.07, 0.13, 0.30), vector(0.98, 0.62, 0.38))
        if dusk
        else (vector(0.3, 0.5, 0.7), vector(0.9, 0.93, 0.95))
    )
    picture = top + (low - top) * np.clip(y * 1.75, 0, 1) ** 1.4
    picture = np.repeat(picture, width, axis=1)
    gx, gy = np.meshgrid(np.linspace(0, width / height, width), np.linspace(0, 1, height))
    distance = np.hypot(gx - 1.25, gy - 0.47)
    glow = np.exp(-((distance / 0.17) ** 2))[..., None] * 0.35 + (distance < 0.038)[..., None] * 0.7
    picture = picture + glow * vector(1, 0.85, 0.6)
    for layer in range(6):
        crest = _crest(width, rng, rough=0.16 - 0.012 * layer) + 0.44 + 0.085 * layer
        tone = low * 0.55 * (1 - layer / 6) ** 1.3 + vector(0.035, 0.07, 0.12)
        below = np.clip((gy - crest[None, :]) * height / 1.5, 0, 1)[..., None]
        mist = np.clip((gy - crest[None, :]) * 3.2, 0, 0.5)[..., None] * (1 - layer / 7)
        picture = picture * (1 - below) + below * (tone * (1 - mist) + low * 0.5 * mist)
    picture = picture + rng.normal(0, 0.008, picture.shape)
    return Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))


def _crest(width: int, rng: np.random.Generator, *, rough: float) -> NDArray[np.float64]:
    crest = np.zeros(width)
    for octave in range(7):
        knots = 3 * 2**octave + 2
        heights = rng.normal(0, rough / 2**octave, knots)
        crest += np.interp(np.linspace(0, knots - 1, width), np.arange(knots), heights) * 0.5
    return crest
