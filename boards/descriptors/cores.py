"""The processor cores that firmware is compiled for: a table of how they differ."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Core:
    """A core, with its options for the compilers and its name in the emulator.

    ``gcc`` and ``zig`` are options of the compilers. ``fpu`` says that access to the
    coprocessors must be enabled before floating point or MVE is used; ``mainline`` that the
    core has the fault status register and the cycle counter (DWT), which v6-M lacks.
    ``unicorn`` is the CPU model of the emulator unicorn, a ``UC_CPU_ARM_*`` name, or None if
    it has none.
    """

    name: str
    gcc: tuple[str, ...]
    zig: tuple[str, ...]
    fpu: bool
    mainline: bool
    unicorn: str | None


def _core(
    cpu: str, unicorn: str | None, fpu: str | None = None, zig_features: str = "", v6m: bool = False
) -> Core:
    """A row of the table: ``cpu`` and ``fpu`` are gcc's names; a core with an FPU is named
    with an ``f`` behind ``cpu``, except for the M55."""
    # With an FPU, the calling convention passes floats in its registers. Models have no floats,
    # but all objects of a firmware must use the same convention.
    floats = ("-mfloat-abi=hard", f"-mfpu={fpu}") if fpu else ("-mfloat-abi=soft",)
    abi = "eabihf" if fpu else "eabi"
    zig_cpu = cpu.replace("-", "_") + zig_features
    return Core(
        name=cpu if fpu in (None, "auto") else f"{cpu}f",
        gcc=(f"-mcpu={cpu}", "-mthumb", *floats),
        zig=(
            "-target",
            f"thumb-freestanding-{abi}",
            f"-mcpu={zig_cpu}",
        ),
        fpu=fpu is not None,
        mainline=not v6m,
        unicorn=f"UC_CPU_ARM_{unicorn}" if unicorn else None,
    )


# zig uses the DSP and MVE extensions only if they are named. unicorn has no M0+; its M0 executes
# the same instructions.
CORES = {
    core.name: core
    for core in (
        _core("cortex-m0", "CORTEX_M0", v6m=True),
        _core("cortex-m0plus", "CORTEX_M0", v6m=True),
        _core("cortex-m3", "CORTEX_M3"),
        _core("cortex-m4", "CORTEX_M4", fpu="fpv4-sp-d16"),
        _core("cortex-m7", "CORTEX_M7", fpu="fpv5-d16"),
        _core("cortex-m33", "CORTEX_M33", fpu="fpv5-sp-d16", zig_features="+dsp"),
        _core("cortex-m55", None, fpu="auto", zig_features="+mve"),
    )
}
"""By name, as in the key ``core`` of a descriptor."""
