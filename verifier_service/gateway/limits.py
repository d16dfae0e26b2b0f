"""Bounds of the gateway, each with its arithmetic.

Source: requirement K14, K16.
"""

from __future__ import annotations

# A JSON request around a text of healthcert's MAX_TEXT_CHARS (131,072), each character escaped as \\uXXXX
# (6 bytes): 786,432, and some room for the names.
MAX_REQUEST_BYTES = 1_048_576

# A phone photograph has 3 to 6 MB; 12 MB leaves room for the sharpest.
MAX_PICTURE_BYTES = 12 * 1_048_576

# The kiosk reads a still picture in 20 to 400 ms, every view of a 50-megapixel one in about 2.5 s.
PICTURE_SECONDS = 4.0

# Grey pixels of the largest picture (64 MB), its colour form (256 MB), working copies of the same size, and
# the libraries' own mappings (about 700 MB of address space).
PICTURE_ADDRESS_SPACE = 2 * 1024**3

# One reading child a worker process: pictures take at most that share of the machine whatever comes in.
PICTURE_CHILDREN = 1
# Requests that may wait for the child; beyond, the answer is "busy". With the one being read this leaves
# five of the eight threads of a worker to texts.
PICTURE_WAITING = 2
PICTURE_WAIT_S = 3.0
# A child that has read this many pictures is replaced: what a library leaks stays bounded.
PICTURES_PER_CHILD = 500
MAX_SYMBOLS = 8  # codes looked at in one picture

# Addresses remembered for the rate limit, about 200 bytes each: 10 MB.
MAX_CALLERS = 50_000
