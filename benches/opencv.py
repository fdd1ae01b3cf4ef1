#!/usr/bin/env python3
"""benches/opencv.py [NAME …]: the kernels beside others, as a Markdown table; all, or those named (canny, or 1x8).

  python3 -m venv var/opencv && var/opencv/bin/pip install opencv-python-headless
  var/opencv/bin/python benches/opencv.py

Builds benches/kernels and runs each of its rows and the same of single-threaded OpenCV by turns, three times each:
the medians of megapixels per second of CPU, and ours divided by OpenCV's. Both sides get the same 512 x 512 tile; ours
has its halo around it, OpenCV makes its border up, which is less work. Where OpenCV has no such operation the calls
nearest to it are timed, or nothing. Where the crates image and imageproc have it, they are timed too, and it is counted
how many of their samples differ from ours. KERNELS may name a bench program that was built before. Run it on a machine
that does nothing else.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import cv2
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "fixtures"))
from make import draw  # noqa: E402

SIDE, TURNS, CALLS, RUNS = 512, 3, 4, 9
FIGURES = ROOT / "target" / "criterion"


def gray(picture):
    return picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def parameters(step):
    name, _, rest = step.partition(":")
    return name, dict(item.split("=") for item in rest.split(",") if item)


def correlate(picture, weights, divisor=1, offset=0):
    side = round(len(weights) ** 0.5)
    kernel = np.array(weights, np.float32).reshape(side, side) / divisor
    return cv2.filter2D(picture, -1, kernel, delta=offset)


def sobel(picture):
    one = gray(picture)
    across, down = (cv2.Sobel(one, cv2.CV_32F, x, 1 - x, ksize=3) for x in (1, 0))
    return cv2.convertScaleAbs(cv2.magnitude(across, down))


def unsharp(picture):
    return cv2.addWeighted(picture, 2, cv2.GaussianBlur(picture, (5, 5), 0), -1, 0)


def pixelate(picture):
    small = cv2.resize(picture, (SIDE // 8, SIDE // 8), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)


def sketch(picture):
    one = gray(picture)
    return cv2.divide(one, 255 - cv2.GaussianBlur(255 - one, (21, 21), 0), scale=255)


def cartoon(picture):
    smooth = cv2.medianBlur(gray(picture), 5)
    paper = cv2.adaptiveThreshold(smooth, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, 2)
    colours = cv2.bilateralFilter(picture, 9, 75, 75)
    return cv2.bitwise_and(colours, colours, mask=paper)


def equalize(picture):
    if picture.ndim == 2:
        return cv2.equalizeHist(picture)
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
    luma[..., 0] = cv2.equalizeHist(np.ascontiguousarray(luma[..., 0]))
    return cv2.cvtColor(luma, cv2.COLOR_YCrCb2RGB)


def morphology(mode):
    return lambda picture, p: cv2.morphologyEx(picture, mode, np.ones((int(p["ksize"]),) * 2, np.uint8))


TABLE = (255 * (np.arange(256) / 255) ** (1 / 2.2)).astype(np.uint8)
SEPIA = np.array([[12878, 25199, 6193], [11436, 22479, 5505], [8913, 17498, 4293]], np.float32) / 32768
CALLS_OF = {
    "grayscale": lambda picture, p: gray(picture) if picture.ndim == 3 else None,
    "invert": lambda picture, p: cv2.bitwise_not(picture),
    "brightness": lambda picture, p: cv2.convertScaleAbs(picture, alpha=1.3) if picture.dtype == np.uint8 else None,
    "gamma": lambda picture, p: cv2.LUT(picture, TABLE) if picture.dtype == np.uint8 else None,
    "threshold": lambda picture, p: cv2.threshold(gray(picture), 127, 255, cv2.THRESH_BINARY)[1],
    "otsu": lambda picture, p: cv2.threshold(gray(picture), 0, 255, cv2.THRESH_OTSU)[1],
    "equalize": lambda picture, p: equalize(picture),
    "autocontrast": lambda picture, p: cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX),
    "sepia": lambda picture, p: cv2.transform(picture, SEPIA) if picture.ndim == 3 else None,
    "gaussian_blur": lambda picture, p: cv2.GaussianBlur(picture, (int(p["ksize"]),) * 2, 0),
    "box_blur": lambda picture, p: cv2.blur(picture, (int(p["ksize"]),) * 2),
    "median_blur": lambda picture, p: cv2.medianBlur(picture, int(p["ksize"])),
    "bilateral": lambda picture, p: cv2.bilateralFilter(picture, 9, 75, 75),
    "sharpen": lambda picture, p: correlate(picture, [-1] * 4 + [9] + [-1] * 4),
    "unsharp": lambda picture, p: unsharp(picture),
    "emboss": lambda picture, p: correlate(picture, [-2, -1, 0, -1, 0, 1, 0, 1, 2], offset=128),
    "filter2d": lambda picture, p: correlate(picture, list(map(int, p["kernel"].split("/"))), int(p.get("divisor", 1))),
    "sobel": lambda picture, p: sobel(picture),
    "laplacian": lambda picture, p: cv2.convertScaleAbs(
        cv2.Laplacian(gray(picture), cv2.CV_16S if picture.dtype == np.uint8 else cv2.CV_32F, ksize=3)
    ),
    "canny": lambda picture, p: cv2.Canny(gray(picture), 100, 200, L2gradient="l2" in p),
    "dilate": morphology(cv2.MORPH_DILATE),
    "erode": morphology(cv2.MORPH_ERODE),
    "open": morphology(cv2.MORPH_OPEN),
    "close": morphology(cv2.MORPH_CLOSE),
    "gradient": morphology(cv2.MORPH_GRADIENT),
    "rotate": lambda picture, p: cv2.rotate(picture, {"90": cv2.ROTATE_90_CLOCKWISE, "180": cv2.ROTATE_180}[p["degrees"]]),
    "flip": lambda picture, p: cv2.flip(picture, {"h": 1, "v": 0}[p["axis"]]),
    "pixelate": lambda picture, p: pixelate(picture),
    "sketch": lambda picture, p: sketch(picture),
    "cartoon": lambda picture, p: cartoon(picture),
}


def build():
    """The bench program."""
    command = ["cargo", "bench", "--no-run", "--message-format=json"]
    where = ["--manifest-path", ROOT / "benches" / "kernels" / "Cargo.toml", "--target-dir", ROOT / "target"]
    lines = subprocess.run([*command, *where], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    programs = (json.loads(line).get("executable") for line in lines)
    return [program for program in programs if program][-1]


def listed(bench):
    """The names of the bench program's rows: FORM/STEP, or "image FORM/STEP" for those of the crates."""
    lines = subprocess.run([bench, "--bench", "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [line.removesuffix(": benchmark") for line in lines if line.endswith(": benchmark")]


def differences(bench):
    """By name, how many percent of the crates' samples differ from ours."""
    lines = subprocess.run([bench, "--differences"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return dict(line.split("\t") for line in lines)


def measured(bench, name):
    """Megapixels per second of a row of the bench program."""
    began = time.time()
    environment = {**os.environ, "CRITERION_HOME": str(FIGURES)}
    subprocess.run([bench, "--bench", "--exact", name], check=True, capture_output=True, env=environment)
    for known in FIGURES.glob("*/*/new/benchmark.json"):
        if known.stat().st_mtime >= began - 1 and json.loads(known.read_text())["full_id"] == name:
            nanoseconds = json.loads((known.parent / "estimates.json").read_text())["median"]["point_estimate"]
            return SIDE * SIDE * 1e3 / nanoseconds
    sys.exit(f"the bench program left no figures of {name}")


def of_opencv(name):
    """Megapixels per second of OpenCV; None where it has no such call."""
    form, _, step = name.partition("/")
    channels, depth = map(int, form.split("x"))
    operation, values = parameters(step)
    call = CALLS_OF.get(operation)
    picture = draw(SIDE, SIDE, channels, depth)
    if call is None or call(picture, values) is None:
        return None
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        for _ in range(CALLS):
            call(picture, values)
        times.append((time.process_time() - start) / CALLS)
    return SIDE * SIDE / 1e6 / statistics.median(times)


def line(bench, name, differing):
    """A line of the table."""
    crates = f"image {name}"
    turns = []
    for _ in range(TURNS):
        of_crates = measured(bench, crates) if crates in differing else None
        turns.append((measured(bench, name), of_opencv(name), of_crates))
    ours, opencv, image = (None if None in column else statistics.median(column) for column in zip(*turns))
    ratio = lambda rate: "- | -" if rate is None else f"{rate:.0f} | {ours / rate:.2f}"
    form, _, step = name.partition("/")
    channels, depth = form.split("x")
    differ = f"{differing[crates]} %" if crates in differing else "-"
    return f"| `{step}` | {channels} | {depth} | {ours:.0f} | {ratio(opencv)} | {ratio(image)} | {differ} |"


def main(*wanted):
    cv2.setNumThreads(1)
    bench = os.environ.get("KERNELS") or build()
    differing = differences(bench)
    print(f"| step | channels | bits | MP/s | OpenCV {cv2.__version__} | ratio | `image`, `imageproc` | ratio | differ |")
    print("|-|-|-|-|-|-|-|-|-|")
    for name in listed(bench):
        form, _, step = name.partition("/")
        if not form.startswith("image") and (not wanted or parameters(step)[0] in wanted or form in wanted):
            print(line(bench, name, differing), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
