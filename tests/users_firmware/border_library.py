"""The functions of NAME_float.h, NAME_clock.h and NAME_health.h as a library of this machine."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np

from elegans.boards.firmware import toolchain

_LIBRARY = """
#include "worm_float.h"
#include "worm_clock.h"
#include "worm_health.h"
#if WORM_DT_BITS == 32
typedef int32_t time;
#else
typedef int16_t time;
#endif
void touch(int16_t *y, const float *v, int n) { while (n--) *y++ = worm_x_touch_from(*v++); }
void heat(int16_t *y, const float *v, int n) { while (n--) *y++ = worm_x_heat_from(*v++); }
void salt(int16_t *y, const float *v, int n) { while (n--) *y++ = worm_x_salt_from(*v++); }
void dt(time *y, const float *v, int n) { while (n--) *y++ = worm_dt_from(*v++); }
void ms(time *y, const uint32_t *v, int n) { while (n--) { *y++ = WORM_DT_FROM_MS(*v); v++; } }
void u16(int16_t *y, const uint16_t *v, int n) { while (n--) { *y++ = TAKE_COUNT(*v); v++; } }
void step_f(worm_state *s, float *y, const float *x, float t) { worm_step_f(s, y, x, t); }
void plain(worm_state *s, int16_t *y, const int16_t *x, time t) { worm_step(s, y, x, t); }
int at(worm_clock *c, worm_state *s, int16_t *y, const int16_t *x, uint32_t now)
{ return worm_step_at(c, s, y, x, now); }
time clock_dt(worm_clock *c, uint32_t now, int8_t *gap) { return worm_clock_dt(c, now, gap); }
void start(worm_clock *c) { worm_clock_start(c); }
void watch_init(worm_health *h) { worm_health_init(h); }
void watch(worm_health *h, worm_state *s, int16_t *y, const int16_t *x, time t)
{ worm_watched_step(h, s, y, x, t); }
void watch_f(worm_health *h, worm_state *s, float *y, const float *x, float t)
{ worm_watched_step_f(h, s, y, x, t); }
int check(worm_health *h) { return worm_check(h); }
"""
_TAKES = {"counts": "WORM_X_TOUCH_FROM_U12", "signed": "WORM_X_TOUCH_FROM_U16"}


def library(build: Path, *options: str) -> ctypes.CDLL:
    """The headers' functions, compiled for this machine.

    The options are not those of linking: with -ffast-math gcc links a start-up into it that
    makes the whole process flush subnormal numbers to zero, other tests included.
    """
    take = next((t for kind, t in _TAKES.items() if kind in str(build.parent)), "(int16_t)")
    folder = build.parent / "objects"
    folder.mkdir(exist_ok=True)
    (folder / "border.c").write_text(_LIBRARY)
    command = toolchain.host_compiler().command
    line = ["-c", "-fPIC", "-std=c99", *options, f"-DTAKE_COUNT={take}", f"-I{build}"]
    line += [f"-I{build}/runtime/include", *map(str, sorted(build.rglob("*.c"))), "border.c"]
    output = build.parent / "border.so"
    for arguments in (line, ["-shared", "-o", str(output)]):
        objects = sorted(map(str, folder.glob("*.o"))) if "-shared" in arguments else []
        done = subprocess.run(
            [*command, *arguments, *objects], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(output))


def called(function, values: np.ndarray, bits: int = 16) -> np.ndarray:
    """The integers that a function makes of an array of values."""
    found = np.zeros(len(values), f"i{bits // 8}")
    function(ctypes.c_void_p(found.ctypes.data), ctypes.c_void_p(values.ctypes.data), len(values))
    return found


def place(values: np.ndarray) -> ctypes.c_void_p:
    """Where an array lies, as an argument."""
    return ctypes.c_void_p(values.ctypes.data)
