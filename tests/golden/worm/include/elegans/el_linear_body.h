/* y = W x + b, every weight stored.
 *
 *   y      [rows] any scale; must not overlap x
 *   x      [cols]
 *   w      [rows][cols]
 *   bias   [rows] at the accumulator's scale
 *   shift  [rows] 0..30, from the accumulator's scale to y's
 *
 * The exporter proves sum|w| max|x| + |bias| + rounding < 2^31 for every row, which bounds
 * each partial sum, so int32_t is enough in any order of the products.
 *
 * One text serves both types of weights. el_linear.c and el_linear8.c each define three
 * macros, then include this file:
 *
 *   EL_NAME    the function: el_linear or el_linear8
 *   EL_WEIGHT  the type of its weights: int16_t or int8_t
 *   EL_DOT     the sum of products by such weights: el_dot or el_dot8 */
void EL_NAME(int16_t *y, const int16_t *x,
             const EL_WEIGHT *w, const int32_t *bias, const uint8_t *shift,
             uint32_t cols, uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++) {
        y[r] = el_sat16(el_rshr(EL_DOT(bias[r], w, x, cols), shift[r]));
        w += cols;
    }
}

#undef EL_NAME
#undef EL_WEIGHT
#undef EL_DOT
