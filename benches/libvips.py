#!/usr/bin/env python3
"""One job in libvips: IN OUT STEP, where STEP is grayscale or blur. Run by benches/compare in a venv of its own.

The gray is exactly Tessera's (weights of 2^-15, rounded); the blur has the same sigma and radius, at libvips'
integer precision, whose mask differs a little from OpenCV's. PNG is written with the level and the filter that cost
libvips least, JPEG as Tessera writes it: quality 90, chroma at half the width and height.
"""
import sys

import pyvips


def grayscale(image):
    weights = [[weight / 32768 for weight in (9798, 19235, 3735)]]
    return image.recomb(weights).linear(1, 0.5).cast("uchar").copy(interpretation="b-w")


def blur(image):
    # The smallest amplitude that leaves 25 pixels on each side of the centre at sigma 8.
    return image.gaussblur(8, min_ampl=0.006, precision="integer")


source, target, step = sys.argv[1:]
image = pyvips.Image.new_from_file(source, access="sequential")
image = {"grayscale": grayscale, "blur": blur}[step](image)
if target.endswith(".png"):
    image.pngsave(target, compression=1, filter="up")
else:
    image.jpegsave(target, Q=90, subsample_mode="on")
