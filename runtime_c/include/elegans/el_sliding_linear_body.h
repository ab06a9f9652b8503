/* SPDX-License-Identifier: 0BSD */
/* y = W x + b for a convolution: the weights of a filter are stored once for all the
 * positions at which it is applied to x.
 *
 *   y       [rows] any scale; must not overlap x; a row for each position of each filter
 *   x       as many as the gaps reach from the last position
 *   w       [synapses] filter after filter
 *   gap     [synapses] columns from the synapse before it; for a filter's first synapse, from
 *           the filter's position
 *   filter  [filters][4] the number of synapses, the column of the first position, the number
 *           of positions, the columns from one position to the next
 *   bias    [filters] at the accumulator's scale
 *   shift   [filters] 0..30, from the accumulator's scale to y's
 *
 * The exporter proves sum|w| max|x| + |bias| + rounding < 2^31 for every row, which bounds
 * each partial sum, so int32_t is enough; with an accumulator of 64 bits < 2^43, and shifts
 * from 12 on.
 *
 * One text serves all. el_sliding_linear.c, el_sliding_linear8.c and el_long_sliding_linear.c
 * each define four macros, then include this file:
 *
 *   EL_NAME    the function: el_sliding_linear, el_sliding_linear8 or el_long_sliding_linear
 *   EL_WEIGHT  the type of its weights: int16_t or int8_t
 *   EL_SUM     the type of its accumulator: int32_t or int64_t
 *   EL_RESULT  of the accumulator and a shift: y */
void EL_NAME(int16_t *y, const int16_t *x,
             const EL_WEIGHT *w, const uint8_t *gap, const uint16_t *filter,
             const int32_t *bias, const uint8_t *shift, uint32_t filters)
{
    for (uint32_t f = 0; f < filters; f++) {
        const uint32_t synapses = filter[0];
        /* An index, because a pointer to the position after the last could point outside x. */
        uint32_t position = filter[1];
        for (uint32_t left = filter[2]; left > 0; left--) {
            EL_SUM acc = bias[f];
            const int16_t *at = &x[position];
            for (uint32_t n = 0; n < synapses; n++) {
                at += gap[n];
                acc += (int32_t)w[n] * *at;
            }
            *y++ = EL_RESULT(acc, shift[f]);
            position += filter[3];
        }
        w += synapses;
        gap += synapses;
        filter += 4;
    }
}

#undef EL_NAME
#undef EL_WEIGHT
#undef EL_SUM
#undef EL_RESULT
