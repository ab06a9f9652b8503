# SPDX-License-Identifier: 0BSD
"""Data only: the C kernels (`include`, `src`), each the exact twin of the op of the same name, and
the device's side of the protocol (`link`)."""
