/* z = W x + b + dt (R x + c): how elapsed time enters a CfC, before the sigmoid.
 *
 *   z      [rows] any scale; must not overlap x
 *   x      [cols]
 *   dt     [1] elapsed time
 *   w, r   [rows][cols]
 *   b, c   [rows] each at its accumulator's scale
 *   shift  [rows] 0..30, from the scale of the accumulator of W x + b to z's
 *
 * The rate R x + c is the upper half of its accumulator, rounded; its product with dt has the
 * scale of the accumulator of W x + b. The exporter proves that neither accumulator leaves
 * int32_t, partial sums and rounding included.
 *
 * One text serves both types of weights. el_timed_linear.c and el_timed_linear8.c each
 * define three macros, then include this file:
 *
 *   EL_NAME    the function: el_timed_linear or el_timed_linear8
 *   EL_WEIGHT  the type of its weights: int16_t or int8_t
 *   EL_DOT     the sum of products by such weights: el_dot or el_dot8 */
void EL_NAME(int16_t *z, const int16_t *x, const int16_t *dt,
             const EL_WEIGHT *w, const int32_t *b, const EL_WEIGHT *r, const int32_t *c,
             const uint8_t *shift, uint32_t cols, uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++) {
        const int32_t still = EL_DOT(b[row], w, x, cols);
        const int32_t rate = EL_DOT(c[row], r, x, cols);

        w += cols;
        r += cols;
        z[row] = el_sat16(el_rshr(still + el_rshr(rate, 16) * dt[0], shift[row]));
    }
}

#undef EL_NAME
#undef EL_WEIGHT
#undef EL_DOT
