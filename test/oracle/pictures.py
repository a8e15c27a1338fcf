"""Makes test/fixtures/pictures: small PNG and JPEG files, what Pillow sees in them, and resized pictures.

The resized ones follow the formula in numpy, as dense matrices of weights; where Pillow has the same filter, it must agree.
Run: ../oracle-env/bin/python test/oracle/pictures.py
"""

import io
import json
import pathlib

import numpy as np
from PIL import Image, ImageOps

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "pictures"
ORIENTATION = 0x0112


def scene(width, height, corner=True):
    """Smooth colours, with a bright corner so that no turn looks like another."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x / max(1, width - 1)
    green = 255 * y / max(1, height - 1)
    blue = 127 + 100 * np.sin(x / 5.0) * np.cos(y / 7.0)
    picture = np.stack([red, green, blue], axis=-1)
    if corner:
        picture[: height // 4, : width // 4] = [250, 240, 10]
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def oriented(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif.tobytes()


def files():
    """Name, bytes, and by how much a decoder may differ in a value."""
    base = Image.fromarray(scene(24, 16))
    grey = base.convert("L")
    alpha = base.convert("RGBA")
    alpha.putalpha(grey)
    palette = base.quantize(colors=13)
    deep = Image.fromarray((np.asarray(grey).astype(np.uint16) * 257) ^ 0x0055)

    def saved(picture, kind, **options):
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        return buffer.getvalue()

    yield "colours.png", saved(base, "PNG"), 0
    yield "grey.png", saved(grey, "PNG"), 0
    yield "transparent.png", saved(alpha, "PNG"), 0
    yield "grey-transparent.png", saved(grey.convert("LA"), "PNG"), 0
    yield "palette.png", saved(palette, "PNG"), 0
    yield "black-and-white.png", saved(grey.convert("1"), "PNG"), 0
    yield "deep.png", saved(deep, "PNG"), 1
    yield "turned.png", saved(base, "PNG", exif=oriented(6)), 0
    yield "colours.jpg", saved(base, "JPEG", quality=92, subsampling=0), 2
    # Pillow interpolates between the colours of neighbours, other decoders repeat them: smooth ones differ little.
    smooth = Image.fromarray(scene(24, 16, corner=False))
    yield "halved.jpg", saved(smooth, "JPEG", quality=92, subsampling=2), 20
    yield "grey.jpg", saved(grey, "JPEG", quality=92), 2
    yield "progressive.jpg", saved(base, "JPEG", quality=92, subsampling=0, progressive=True), 2
    yield "restarts.jpg", saved(base, "JPEG", quality=92, subsampling=0, restart_marker_blocks=2), 2
    for orientation in range(1, 9):
        exif = oriented(orientation)
        yield f"turned-{orientation}.jpg", saved(base, "JPEG", quality=95, subsampling=0, exif=exif), 3


def seen(data):
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.float64) / 257
        return np.repeat(np.rint(values).astype(np.uint8)[..., None], 3, axis=-1)
    return np.asarray(picture.convert("RGB"))


def weights(size, start, length, out):
    """Row i has the weight of each of `size` pixels in pixel i of `out`, which cover [start, start + length)."""
    matrix = np.zeros((out, size))
    scale = length / out
    for i in range(out):
        if scale > 1:
            low, high = start + i * scale, start + (i + 1) * scale
            for j in range(size):
                matrix[i, j] = max(0.0, min(high, j + 1) - max(low, j)) / scale
        else:
            centre = start + (i + 0.5) * scale - 0.5
            floor = int(np.floor(centre))
            share = centre - floor
            matrix[i, min(max(floor, 0), size - 1)] += 1 - share
            matrix[i, min(max(floor + 1, 0), size - 1)] += share
    return matrix


def resized(picture, width, height, fit):
    rows, columns = picture.shape[:2]
    part_width, part_height = float(columns), float(rows)
    if fit == "crop":
        part_width = min(part_width, rows * width / height)
        part_height = min(part_height, columns * height / width)
    down = weights(rows, (rows - part_height) / 2, part_height, height)
    across = weights(columns, (columns - part_width) / 2, part_width, width)
    return np.einsum("ir,rck,jc->ijk", down, picture.astype(np.float64), across)


def agree_with_pillow():
    picture = scene(24, 16)
    for size, filter_ in (((8, 4), Image.Resampling.BOX), ((60, 40), Image.Resampling.BILINEAR)):
        pillow = np.asarray(Image.fromarray(picture).resize(size, filter_)).astype(np.float64)
        difference = np.abs(pillow - resized(picture, *size, "stretch")).max()
        assert difference <= 1.01, (size, difference)


def main():
    agree_with_pillow()
    FOLDER.mkdir(parents=True, exist_ok=True)
    index = {"pillow": Image.__version__, "pictures": [], "resized": []}
    for name, data, tolerance in files():
        (FOLDER / name).write_bytes(data)
        rgb = seen(data)
        entry = {
            "file": name,
            "width": rgb.shape[1],
            "height": rgb.shape[0],
            "tolerance": tolerance,
            "rgb": rgb.reshape(-1).tolist(),
        }
        index["pictures"].append(entry)
    cases = [
        ((7, 5), (3, 2), "stretch"),
        ((7, 5), (14, 11), "stretch"),
        ((7, 5), (3, 11), "stretch"),
        ((7, 5), (7, 5), "stretch"),
        ((9, 4), (3, 3), "crop"),
        ((4, 9), (3, 3), "crop"),
        ((4, 9), (8, 8), "crop"),
        ((10, 7), (5, 2), "crop"),
        ((1, 1), (3, 2), "stretch"),
        ((5, 3), (1, 1), "crop"),
    ]
    generator = np.random.default_rng(7)
    for (columns, rows), (width, height), fit in cases:
        for channels in (1, 3):
            picture = generator.integers(0, 256, (rows, columns, channels), dtype=np.uint8)
            out = resized(picture, width, height, fit)
            index["resized"].append(
                {
                    "from": {"width": columns, "height": rows, "channels": channels},
                    "data": picture.reshape(-1).tolist(),
                    "to": {"width": width, "height": height, "fit": fit},
                    "values": [round(float(value), 5) for value in out.reshape(-1)],
                }
            )
    lines = json.dumps(index, separators=(",", ":")).replace('{"file"', '\n{"file"')
    (FOLDER / "index.json").write_text(lines.replace('{"from"', '\n{"from"') + "\n")


main()
