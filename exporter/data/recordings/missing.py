"""Missing values: the last value seen stands for them, with a mask and the time since it was seen.

The three are inputs of the network (Che et al. 2018, "Recurrent Neural Networks for Multivariate
Time Series with Missing Values", section 2.2, x, m and delta), so a firmware gives them, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def filled(t: Values, x: Values, fill: Values, masked: Sequence[int]) -> npt.NDArray[np.float64]:
    """The network's inputs [T, I + 2 M] for x [T, I], where NaN is a missing value.

    t       [T], s
    fill    [I]: what stands for a channel before its first value
    masked  the M channels that get a mask (1 where seen) and an age (s since it was seen; before
            the first value, s since the recording's start)

    Columns: all values, then the masks, then the ages.
    """
    seen = np.isfinite(x)
    last = np.where(seen, np.arange(len(t))[:, None], -1)
    np.maximum.accumulate(last, axis=0, out=last)
    values = np.where(last >= 0, np.take_along_axis(x, np.maximum(last, 0), axis=0), fill)
    if not masked:
        return values
    columns = list(masked)
    age = t[:, None] - t[np.maximum(last[:, columns], 0)]
    return np.concatenate([values, seen[:, columns].astype(np.float64), age], axis=1)
