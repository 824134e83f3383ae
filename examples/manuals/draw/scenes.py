"""The photo-like pictures of the manuals: a pump, a coffee cup, a press frame, a lathe chuck, a worn pipe bend."""

import numpy as np
from PIL import Image

from .raymarch import Array, Shot, ball, blend, block, hoop, nearest, render, rod, unit, vector


def _paint(points: Array, rules: list[tuple[Array, tuple[float, float, float]]]) -> Array:
    colours = np.stack([np.broadcast_to(vector(*c), points.shape) for _, c in rules])
    chosen = np.argmin(np.stack([np.abs(d) for d, _ in rules]), axis=0)
    return np.asarray(np.take_along_axis(colours, chosen[None, :, None], axis=0)[0], np.float32)


def _pump_parts(p: Array) -> tuple[Array, Array, Array]:
    volute = blend(
        hoop(p, vector(0, 1.1, 0), axis=0, radius=0.62, thick=0.3),
        rod(p, vector(0, 1.1, 0), axis=0, half=0.26, radius=0.66),
    )
    outlet = rod(p, vector(0, 1.95, -0.3), axis=1, half=0.55, radius=0.25)
    flange = rod(p, vector(0, 2.48, -0.3), axis=1, half=0.08, radius=0.47)
    inlet = blend(
        rod(p, vector(-0.5, 1.1, 0), axis=0, half=0.4, radius=0.3),
        rod(p, vector(-0.88, 1.1, 0), axis=0, half=0.08, radius=0.52),
        0.05,
    )
    casing = np.minimum(blend(blend(volute, outlet), inlet), flange)
    for i in range(8):
        angle = i * np.pi / 4 + 0.39
        bolt = rod(p, vector(-0.98, 1.1 + 0.41 * np.sin(angle), 0.41 * np.cos(angle)), axis=0, half=0.06, radius=0.06)
        casing = np.minimum(casing, bolt)
    bracket = blend(
        rod(p, vector(0.65, 1.1, 0), axis=0, half=0.5, radius=0.34),
        block(p, vector(0.75, 0.55, 0), vector(0.1, 0.5, 0.3)),
        0.15,
    )
    spin = np.arctan2(p[..., 1] - 1.1, p[..., 2])
    fins = 0.03 * np.clip(np.cos(spin * 28), -0.4, 0.6)
    motor = rod(p, vector(2.25, 1.1, 0), axis=0, half=0.8, radius=0.68) - fins
    motor = np.minimum(motor, rod(p, vector(3.12, 1.1, 0), axis=0, half=0.14, radius=0.66))
    motor = np.minimum(motor, block(p, vector(2.2, 1.9, 0), vector(0.36, 0.2, 0.3)))
    plate = block(p, vector(1.1, 0.07, 0), vector(2.3, 0.09, 0.75))
    feet = np.minimum(
        block(p, vector(2.25, 0.3, 0), vector(0.6, 0.25, 0.55)), block(p, vector(0, 0.3, 0), vector(0.22, 0.35, 0.5))
    )
    return np.minimum(casing, bracket), motor, np.minimum(plate, feet)


def pump() -> Image.Image:
    """A close-coupled look at a pump set on its base plate."""

    def scene(p: Array) -> Array:
        return nearest(*_pump_parts(p))

    def colour(p: Array) -> Array:
        casing, motor, plate = _pump_parts(p)
        return _paint(p, [(casing, (0.10, 0.36, 0.58)), (motor, (0.55, 0.58, 0.60)), (plate, (0.22, 0.24, 0.27))])

    return render(scene, colour, Shot(eye=(-3.6, 3.3, -5.2), target=(0.95, 1.1, 0), zoom=3.0))


def _cup_parts(p: Array) -> tuple[Array, Array]:
    shell = np.maximum(ball(p, vector(0, 1.0, 0), 0.92), p[..., 1] - 1.35)
    shell = np.maximum(shell, -np.maximum(ball(p, vector(0, 1.02, 0), 0.84), 0.3 - p[..., 1]))
    foot = rod(p, vector(0, 0.2, 0), axis=1, half=0.1, radius=0.42)
    handle = hoop(p, vector(1.0, 0.92, 0), axis=2, radius=0.3, thick=0.08)
    handle = np.maximum(handle, -ball(p, vector(0, 1.0, 0), 0.86))
    saucer = np.maximum(ball(p, vector(0, 6.06, 0), 6.0), rod(p, vector(0, 0.2, 0), axis=1, half=1.0, radius=1.7))
    saucer = np.maximum(saucer, -ball(p, vector(0, 6.14, 0), 6.0))
    coffee = rod(p, vector(0, 1.05, 0), axis=1, half=0.1, radius=0.83)
    return np.minimum.reduce([shell, foot, handle, saucer]), coffee


def cup() -> Image.Image:
    """An espresso in a cup on its saucer."""

    def scene(p: Array) -> Array:
        return nearest(*_cup_parts(p))

    def colour(p: Array) -> Array:
        china, coffee = _cup_parts(p)
        swirl = 0.5 + 0.5 * np.sin(
            9 * np.hypot(p[..., 0] + 0.2, p[..., 2]) + 2.2 * np.arctan2(p[..., 2], p[..., 0] + 0.2)
        )
        crema = vector(0.42, 0.20, 0.06) + swirl[..., None] * vector(0.26, 0.17, 0.07)
        return np.where((np.abs(coffee) < np.abs(china))[..., None], crema, vector(0.94, 0.93, 0.9)).astype(np.float32)

    sky = (0.80, 0.70, 0.60)
    return render(scene, colour, Shot(eye=(0.9, 3.5, -4.6), target=(0.1, 0.62, 0), zoom=2.3, sky=sky, size=(800, 650)))


def _press_parts(p: Array) -> tuple[Array, Array, Array]:
    posts = np.minimum(
        block(p, vector(-1.25, 1.9, 0), vector(0.24, 1.9, 0.45)),
        block(p, vector(1.25, 1.9, 0), vector(0.24, 1.9, 0.45)),
    )
    crown = block(p, vector(0, 3.6, 0), vector(1.6, 0.42, 0.55))
    bed = block(p, vector(0, 0.5, 0), vector(1.5, 0.4, 0.6))
    barrel = rod(p, vector(0, 3.0, 0), axis=1, half=0.85, radius=0.48)
    top = rod(p, vector(0, 4.2, 0), axis=1, half=0.3, radius=0.56)
    ram = rod(p, vector(0, 1.95, 0), axis=1, half=0.6, radius=0.28)
    platen = block(p, vector(0, 1.42, 0), vector(0.8, 0.12, 0.42))
    gauge = rod(p, vector(1.25, 2.6, -0.5), axis=2, half=0.08, radius=0.2)
    cabinet = block(p, vector(2.35, 0.95, 0.1), vector(0.5, 0.95, 0.5))
    return (
        np.minimum.reduce([posts, crown, bed, cabinet]),
        np.minimum.reduce([barrel, top, gauge]),
        np.minimum(ram, platen),
    )


def press() -> Image.Image:
    """A hydraulic press with its power pack."""

    def scene(p: Array) -> Array:
        return nearest(*_press_parts(p))

    def colour(p: Array) -> Array:
        frame, barrel, ram = _press_parts(p)
        return _paint(p, [(frame, (0.60, 0.20, 0.12)), (barrel, (0.28, 0.30, 0.33)), (ram, (0.80, 0.82, 0.84))])

    return render(scene, colour, Shot(eye=(-4.4, 4.0, -8.2), target=(0.45, 2.15, 0), zoom=2.7, size=(780, 728)))


def _chuck_parts(p: Array) -> tuple[Array, Array]:
    body = rod(p, vector(0, 1.6, 0), axis=0, half=0.45, radius=1.15)
    body = np.minimum(body, rod(p, vector(0.8, 1.6, 0), axis=0, half=0.4, radius=0.75))
    body = np.minimum(body, block(p, vector(2.2, 1.5, 0), vector(1.1, 1.5, 1.1)))
    work = rod(p, vector(-1.6, 1.6, 0), axis=0, half=1.3, radius=0.24)
    for i in range(3):
        angle = i * 2 * np.pi / 3 + 0.5
        across, away = np.cos(angle), np.sin(angle)
        y, z = p[..., 1] - 1.6, p[..., 2]
        local = np.stack([p[..., 0], y * across + z * away, -y * away + z * across], -1)
        jaw = np.minimum(
            block(local, vector(-0.62, 0.5, 0), vector(0.3, 0.22, 0.13)),
            block(local, vector(-0.52, 0.85, 0), vector(0.2, 0.3, 0.13)),
        )
        work = np.minimum(work, jaw)
    bed = block(p, vector(-0.6, 0.1, -0.65), vector(3.4, 0.14, 0.16))
    bed = np.minimum(bed, block(p, vector(-0.6, 0.1, 0.65), vector(3.4, 0.14, 0.16)))
    return np.minimum(body, bed), work


def chuck() -> Image.Image:
    """A three-jaw chuck with a bar in it, in black and white."""

    def scene(p: Array) -> Array:
        return nearest(*_chuck_parts(p))

    def colour(p: Array) -> Array:
        body, work = _chuck_parts(p)
        return _paint(p, [(body, (0.36, 0.36, 0.36)), (work, (0.72, 0.72, 0.72))])

    shot = Shot(eye=(-5.0, 3.4, -4.4), target=(0.1, 1.3, 0), zoom=2.1, sky=(0.82, 0.82, 0.82), size=(800, 578))
    return render(scene, colour, shot).convert("L").convert("RGB")


def pipe_bend() -> Image.Image:
    """A flanged pipe bend with rust streaks."""

    def pipe(p: Array) -> Array:
        bend = hoop(p, vector(0, 1.9, 0), axis=2, radius=1.0, thick=0.36)
        bend = np.maximum(bend, np.maximum(p[..., 0], p[..., 1] - 1.9))
        run = rod(p, vector(0.9, 0.9, 0), axis=0, half=0.9, radius=0.36)
        rise = rod(p, vector(-1.0, 2.6, 0), axis=1, half=0.7, radius=0.36)
        ends = np.minimum(
            rod(p, vector(1.8, 0.9, 0), axis=0, half=0.1, radius=0.64),
            rod(p, vector(0.2, 0.9, 0), axis=0, half=0.1, radius=0.6),
        )
        ends = np.minimum(ends, rod(p, vector(-1.0, 3.25, 0), axis=1, half=0.1, radius=0.62))
        return np.minimum(blend(bend, np.minimum(run, rise), 0.04), ends)

    def colour(p: Array) -> Array:
        wave = np.sin(p[..., 0] * 7 + 2 * np.sin(p[..., 1] * 5)) + np.sin(p[..., 2] * 11 + p[..., 1] * 6)
        fine = np.sin(p[..., 0] * 31 + 4 * np.sin(p[..., 1] * 13)) + np.sin(p[..., 1] * 27 + 5 * np.sin(p[..., 2] * 17))
        rust = np.clip(0.45 * wave + 0.3 * fine - 0.15, 0, 1)[..., None]
        return np.asarray(vector(0.30, 0.45, 0.50) * (1 - rust) + vector(0.55, 0.24, 0.08) * rust, np.float32)

    sun = tuple(float(v) for v in unit(vector(-0.6, 0.8, -0.6)))
    shot = Shot(eye=(-2.4, 2.9, -6.6), target=(0.35, 1.75, 0), zoom=3.0, sun=(sun[0], sun[1], sun[2]), size=(880, 605))
    return render(pipe, colour, shot)
