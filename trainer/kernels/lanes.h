/* Sixteen sequences of a batch side by side: one vector holds one number of each.
 *
 * Every loop over neurons or synapses then runs without a branch on data, whatever the instruction
 * set: the compiler splits the vectors into those that the processor has. Nothing here needs
 * -ffast-math, so NaN and infinity stay what they are. */

#ifndef ELEGANS_LANES_H
#define ELEGANS_LANES_H

#include <stdint.h>

#define LANES 16
#define ROWS 8 /* rows of a map that are summed together, in as many registers */

/* `aligned(4)`: a row may start at any float. */
typedef float V __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t VI __attribute__((vector_size(4 * LANES), aligned(4)));

static inline V splat(float x) { return (V){0} + x; }

static inline V choose(VI where, V yes, V no)
{
    return (V)((where & (VI)yes) | (~where & (VI)no));
}

/* x within [low, high]; NaN stays NaN, because it compares as false. */
static inline V clamp(V x, float low, float high)
{
    x = choose(x < splat(low), splat(low), x);
    return choose(x > splat(high), splat(high), x);
}

static inline float sum(V x)
{
    typedef float Half __attribute__((vector_size(2 * LANES), aligned(4)));
    typedef float Quarter __attribute__((vector_size(LANES), aligned(4)));
    Half half = ((Half *)&x)[0] + ((Half *)&x)[1];
    Quarter quarter = ((Quarter *)&half)[0] + ((Quarter *)&half)[1];
    return (quarter[0] + quarter[2]) + (quarter[1] + quarter[3]);
}

/* 2^x = 2^n 2^r with an integer n and |r| <= 1/2; 2^r by a polynomial, to 2e-9 of its value. Below
 * -126 and above 126 it stays at the powers there. */
static inline V polynomial_of_two(V r)
{
    V p = splat(1.535336189e-4f);
    p = p * r + 1.339887442e-3f;
    p = p * r + 9.618437358e-3f;
    p = p * r + 5.550332471e-2f;
    p = p * r + 2.402264791e-1f;
    p = p * r + 6.931472029e-1f;
    return p * r + 1.0f;
}

static inline V power_of_two(V x)
{
    x = clamp(x, -126.0f, 126.0f);
    V shifted = x + 12582912.0f; /* 1.5 * 2^23: the sum rounds to the integer n, in its low bits */
    V y = polynomial_of_two(x - (shifted - 12582912.0f));
    return (V)((VI)y + ((VI)shifted << 23));
}

#define LOG2_E 1.44269504f

static inline V exponential(V x) { return power_of_two(x * LOG2_E); }

static inline V sigmoid(V x) { return 1.0f / (1.0f + power_of_two(x * -LOG2_E)); }

/* tanh to 3 units in the last place: a quotient of polynomials, whose coefficients are Eigen's. */
static inline V hyperbolic_tangent(V x)
{
    x = clamp(x, -7.90531111f, 7.90531111f);
    V s = x * x;
    V p = splat(-2.76076847742355e-16f);
    p = p * s + 2.00018790482477e-13f;
    p = p * s - 8.60467152213735e-11f;
    p = p * s + 5.12229709037114e-08f;
    p = p * s + 1.48572235717979e-05f;
    p = p * s + 6.37261928875436e-04f;
    p = p * s + 4.89352455891786e-03f;
    V q = splat(1.19825839466702e-06f);
    q = q * s + 1.18534705686654e-04f;
    q = q * s + 2.26843463243900e-03f;
    q = q * s + 4.89352518554385e-03f;
    return x * p / q;
}

/* The share of a normal distribution below x, (1 + erf(x / sqrt 2)) / 2, to 2e-7: erf is a quotient of
 * polynomials, whose coefficients are Eigen's. */
static inline V normal_share(V x)
{
    x = clamp(x * 0.707106781f, -4.0f, 4.0f);
    V s = x * x;
    V p = splat(-2.72614225801306e-10f);
    p = p * s + 2.77068142495902e-08f;
    p = p * s - 2.10102402082508e-06f;
    p = p * s - 5.69250639462346e-05f;
    p = p * s - 7.34990630326855e-04f;
    p = p * s - 2.95459980854025e-03f;
    p = p * s - 1.60960333262415e-02f;
    V q = splat(-1.45660718464996e-05f);
    q = q * s - 2.13374055278905e-04f;
    q = q * s - 1.68282697438203e-03f;
    q = q * s - 7.37332916720468e-03f;
    q = q * s - 1.42647390514189e-02f;
    return 0.5f + 0.5f * (x * p / q);
}

/* Rows of a map padded to a multiple of ROWS. */
static inline int padded(int rows) { return (rows + ROWS - 1) / ROWS * ROWS; }

/* Element [row][column] of `from` is at row * by_row + column * by_column -> panels
 * [padded(rows) / ROWS][columns][ROWS], which `map` reads from front to back. */
static inline void pack(const float *from, long by_row, long by_column, int rows, int columns, float *to)
{
    for (int r = 0; r < padded(rows); r += ROWS)
        for (int k = 0; k < columns; k++)
            for (int i = 0; i < ROWS; i++)
                *to++ = r + i < rows ? from[(r + i) * by_row + k * by_column] : 0.0f;
}

static inline int64_t packed(int rows, int columns) { return (int64_t)padded(rows) * columns; }

/* z = W v + bias for a packed W; z has padded(rows) rows. No bias: 0. */
static inline void map(const float *w, const float *bias, const V *v, V *z, int rows, int columns)
{
    for (int r = 0; r < rows; r += ROWS, w += columns * ROWS) {
        V total[ROWS];
        for (int i = 0; i < ROWS; i++)
            total[i] = splat(bias && r + i < rows ? bias[r + i] : 0.0f);
        for (int k = 0; k < columns; k++)
            for (int i = 0; i < ROWS; i++)
                total[i] += w[k * ROWS + i] * v[k];
        for (int i = 0; i < ROWS; i++)
            z[r + i] = total[i];
    }
}

/* dw[r][k] += sum of dz[t][r] v[t][k] over steps and lanes, db[r] += sum of dz[t][r].
 * Step t of dz is at dz + t * dz_step, that of v at v + t * v_step. */
#define TILE 4
static inline void gradient_of_map(const V *dz, long dz_step, const V *v, long v_step, int steps, int rows,
                            int columns, float *dw, float *db)
{
    for (int r = 0; r < rows; r += TILE) {
        int high = rows - r < TILE ? rows - r : TILE;
        long row[TILE], column[TILE];
        for (int i = 0; i < TILE; i++)
            row[i] = r + (i < high ? i : high - 1);
        for (int k = 0; k < columns; k += TILE) {
            int wide = columns - k < TILE ? columns - k : TILE;
            for (int j = 0; j < TILE; j++)
                column[j] = k + (j < wide ? j : wide - 1);
            V total[TILE][TILE] = {{{0}}};
            for (int t = 0; t < steps; t++) {
                const V *a = dz + t * dz_step, *b = v + t * v_step;
                for (int i = 0; i < TILE; i++)
                    for (int j = 0; j < TILE; j++)
                        total[i][j] += a[row[i]] * b[column[j]];
            }
            for (int i = 0; i < high; i++)
                for (int j = 0; j < wide; j++)
                    dw[(r + i) * (long)columns + k + j] += sum(total[i][j]);
        }
        for (int i = 0; i < high; i++) {
            V total = {0};
            for (int t = 0; t < steps; t++)
                total += dz[t * dz_step + r + i];
            db[r + i] += sum(total);
        }
    }
}

/* What a call gets. Block b are the sequences from 16 b on; a call does those from `first` to
 * `last` - 1, where `first` is a multiple of 16. Strides are in floats. */
typedef struct {
    const int32_t *shape; /* sizes and wiring */
    const float *flat;    /* the weights, one behind the other */
    const float *x, *dt;  /* inputs [B, T, I] and elapsed times [B, T] */
    const float *h0;      /* [B, H], contiguous */
    float *states;        /* [B, T, H], contiguous */
    float *record;        /* [blocks, T, record]: what the way back needs */
    float *scratch;       /* [scratch], of this call alone */
    const float *d_states;
    float *dx, *d_dt, *dh0; /* gradients, contiguous; null where nobody asks */
    float *d_flat;          /* [blocks, weights], zeros: gradients by block */
    int64_t weights, x_lane, x_step, dt_lane, dt_step;
    int32_t steps, first, last;
    int32_t keep; /* 0: `record` is one step long, and is overwritten by each */
} Call;

/* `count` numbers of one step of each sequence, by_lane apart -> one vector a number. Lanes from
 * `lanes` on belong to no sequence and are 0. */
static inline void gather(const float *from, long by_lane, int lanes, int count, V *to)
{
    for (int i = 0; i < count; i++)
        to[i] = splat(0.0f);
    for (int lane = 0; lane < lanes; lane++)
        for (int i = 0; i < count; i++)
            ((float *)&to[i])[lane] = from[lane * by_lane + i];
}

static inline void scatter(const V *from, float *to, long by_lane, int lanes, int count)
{
    for (int lane = 0; lane < lanes; lane++)
        for (int i = 0; i < count; i++)
            to[lane * by_lane + i] = ((const float *)&from[i])[lane];
}

#endif
