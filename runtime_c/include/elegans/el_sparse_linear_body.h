/* SPDX-License-Identifier: 0BSD */
/* y = W x + b, only the non-zero weights stored: a synapse that is not there costs
 * neither flash nor time.
 *
 *   y      [rows] any scale; must not overlap x
 *   x      as many as the gaps reach
 *   w      [synapses] row after row
 *   gap    [synapses] columns from the synapse before it; for a row's first synapse,
 *          from column 0
 *   count  [rows] synapses of each row
 *   bias   [rows] at the accumulator's scale
 *   shift  [rows] 0..30, from the accumulator's scale to y's
 *
 * The exporter proves sum|w| max|x| + |bias| + rounding < 2^31 for every row, which bounds
 * each partial sum, so int32_t is enough; with an accumulator of 64 bits < 2^43, and shifts
 * from 12 on.
 *
 * One text serves all. el_sparse_linear.c, el_sparse_linear8.c and el_long_sparse_linear.c
 * each define four macros, then include this file:
 *
 *   EL_NAME    the function: el_sparse_linear, el_sparse_linear8 or el_long_sparse_linear
 *   EL_WEIGHT  the type of its weights: int16_t or int8_t
 *   EL_SUM     the type of its accumulator: int32_t or int64_t
 *   EL_RESULT  of the accumulator and a shift: y */
void EL_NAME(int16_t *y, const int16_t *x,
             const EL_WEIGHT *w, const uint8_t *gap, const uint16_t *count,
             const int32_t *bias, const uint8_t *shift, uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++) {
        EL_SUM acc = bias[r];
        const int16_t *at = x;
        for (uint32_t n = count[r]; n > 0; n--) {
            at += *gap++;
            acc += (int32_t)*w++ * *at;
        }
        y[r] = EL_RESULT(acc, shift[r]);
    }
}

#undef EL_NAME
#undef EL_WEIGHT
#undef EL_SUM
#undef EL_RESULT
