"""The processor cores that firmware is compiled for: a table of what differs between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Core:
    """A core as compilers and emulators name it.

    ``fpu`` says that coprocessor access must be granted before floating point or MVE is
    touched; ``mainline`` that it has the fault status register and the cycle counter (DWT),
    which the baseline, v6-M, lacks. ``unicorn`` is the model of the pip-only emulator, a
    ``UC_CPU_ARM_*`` name, or None when it has none.
    """

    name: str
    gcc: tuple[str, ...]
    zig: tuple[str, ...]
    fpu: bool
    mainline: bool
    unicorn: str | None


def _core(
    name: str, gcc: str, zig: str, fpu: str | None, mainline: bool, unicorn: str | None
) -> Core:
    # With an FPU values travel in its registers; a model has none, but the two must agree.
    floats = ("-mfloat-abi=hard", f"-mfpu={fpu}") if fpu else ("-mfloat-abi=soft",)
    abi = "eabihf" if fpu else "eabi"
    return Core(
        name=name,
        gcc=(f"-mcpu={gcc}", "-mthumb", *floats),
        zig=("-target", f"thumb-freestanding-{abi}", f"-mcpu={zig}"),
        fpu=fpu is not None,
        mainline=mainline,
        unicorn=f"UC_CPU_ARM_{unicorn}" if unicorn else None,
    )


# zig leaves DSP and MVE out unless they are spelled out.
CORES = {
    core.name: core
    for core in (
        _core("cortex-m0", "cortex-m0", "cortex_m0", None, False, "CORTEX_M0"),
        _core("cortex-m0plus", "cortex-m0plus", "cortex_m0plus", None, False, "CORTEX_M0"),
        _core("cortex-m3", "cortex-m3", "cortex_m3", None, True, "CORTEX_M3"),
        _core("cortex-m4f", "cortex-m4", "cortex_m4", "fpv4-sp-d16", True, "CORTEX_M4"),
        _core("cortex-m7f", "cortex-m7", "cortex_m7", "fpv5-d16", True, "CORTEX_M7"),
        _core("cortex-m33f", "cortex-m33", "cortex_m33+dsp", "fpv5-sp-d16", True, "CORTEX_M33"),
        _core("cortex-m55", "cortex-m55", "cortex_m55+mve", "auto", True, None),
    )
}
