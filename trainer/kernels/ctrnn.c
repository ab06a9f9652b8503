/* Leaky integrators over whole sequences, forward and backward. trainer/cells/ctrnn.py has the
 * equations; an unfold is a step of the solver. */

#include "lanes.h"

enum { EXACT, SEMI_IMPLICIT, EULER };
#define CHUNK 32 /* steps whose gradients of sums are kept until they are multiplied by the inputs */

typedef struct {
    int inputs, units, solver, unfolds;
    int reads, kept; /* of an unfold: [input, state], and the record: that, and tanh's values */
    const float *weight, *bias, *rate; /* 1 / (tau unfolds) */
    int64_t packed;
} Net;

/* shape: inputs, units, solver, unfolds. flat: W [H, I + H], b [H], rate [H]. */
static Net net_of(const int32_t *shape, const float *flat)
{
    Net net = {shape[0], shape[1], shape[2], shape[3], shape[0] + shape[1], 0, flat, 0, 0, 0};
    net.kept = net.reads + padded(net.units);
    net.bias = flat + (int64_t)net.units * net.reads;
    net.rate = net.bias + net.units;
    int64_t there = packed(net.units, net.reads), back = packed(net.reads, net.units);
    net.packed = ((there > back ? there : back) + LANES - 1) / LANES * LANES;
    return net;
}

/* Floats of a step's record, and of the scratch memory of a call. */
int64_t ctrnn_record(const int32_t *shape)
{
    Net net = net_of(shape, 0);
    return (int64_t)net.unfolds * net.kept * LANES;
}

int64_t ctrnn_scratch(const int32_t *shape)
{
    Net net = net_of(shape, 0);
    int64_t sums = (int64_t)CHUNK * net.unfolds * padded(net.units);
    return net.packed + LANES * (sums + 4L * net.units + padded(net.reads) + net.inputs);
}

static inline V moved(int solver, V h, V f, V step)
{
    if (solver == EXACT)
        return f + (h - f) * exponential(-step);
    return solver == EULER ? h + step * (f - h) : (h + step * f) / (1.0f + step);
}

static void forward_block(const Call *call, const Net *net, V *record, int start)
{
    int lanes = call->last - start < LANES ? call->last - start : LANES, n = net->units;
    V *h = (V *)(call->scratch + net->packed);
    gather(call->h0 + (int64_t)start * n, n, lanes, n, h);
    for (int t = 0; t < call->steps; t++) {
        V time;
        gather(call->dt + start * call->dt_lane + t * call->dt_step, call->dt_lane, lanes, 1, &time);
        for (int u = 0; u < net->unfolds; u++) {
            V *f = record + net->reads;
            gather(call->x + start * call->x_lane + t * call->x_step, call->x_lane, lanes,
                   net->inputs, record);
            for (int j = 0; j < n; j++)
                record[net->inputs + j] = h[j];
            map(call->scratch, net->bias, record, f, n, net->reads);
            for (int j = 0; j < n; j++) {
                f[j] = hyperbolic_tangent(f[j]);
                h[j] = moved(net->solver, h[j], f[j], time * net->rate[j]);
            }
            record += call->keep ? net->kept : 0;
        }
        int64_t lane = (int64_t)call->steps * n;
        scatter(h, call->states + start * lane + (int64_t)t * n, lane, lanes, n);
    }
}

void ctrnn_forward(const Call *call)
{
    Net net = net_of(call->shape, call->flat);
    pack(net.weight, net.reads, 1, net.units, net.reads, call->scratch);
    for (int start = call->first; start < call->last; start += LANES) {
        int64_t block = call->keep ? start / LANES : 0;
        forward_block(call, &net, (V *)call->record + block * call->steps * net.unfolds * net.kept,
                      start);
    }
}

/* One unfold back: dh, the gradient of the states behind it, becomes that of those before it,
 * without the part through the map, whose sums get dz. */
static inline void moved_back(const Net *net, V time, const V *h, const V *f, V *dh, V *dz, V *d_dt,
                              V *d_rate)
{
    for (int j = 0; j < net->units; j++) {
        V step = time * net->rate[j], kept, pull, d_step; /* kept + pull = 1 */
        if (net->solver == EXACT) {
            kept = exponential(-step);
            pull = 1.0f - kept;
            d_step = dh[j] * (f[j] - h[j]) * kept;
        } else if (net->solver == EULER) {
            kept = 1.0f - step;
            pull = step;
            d_step = dh[j] * (f[j] - h[j]);
        } else {
            kept = 1.0f / (1.0f + step);
            pull = step * kept;
            d_step = dh[j] * (f[j] - h[j]) * kept * kept;
        }
        dz[j] = dh[j] * pull * (1.0f - f[j] * f[j]);
        dh[j] *= kept;
        d_rate[j] += d_step * time;
        *d_dt += d_step * net->rate[j];
    }
}

void ctrnn_backward(const Call *call)
{
    Net net = net_of(call->shape, call->flat);
    int n = net.units, wide = padded(n), unfolds = net.unfolds;
    pack(net.weight, 1, net.reads, net.reads, n, call->scratch);
    V *chunk = (V *)(call->scratch + net.packed), *dh = chunk + CHUNK * unfolds * wide;
    V *d_rate = dh + n, *outer = d_rate + n, *dx = outer + n, *dv = dx + net.inputs;
    for (int start = call->first; start < call->last; start += LANES) {
        int lanes = call->last - start < LANES ? call->last - start : LANES;
        const V *record = (const V *)call->record;
        record += (int64_t)(start / LANES) * call->steps * unfolds * net.kept;
        float *to = call->d_flat + start / LANES * call->weights;
        for (int j = 0; j < n; j++)
            dh[j] = d_rate[j] = splat(0.0f);
        for (int end = call->steps, begin; end > 0; end = begin) {
            begin = end > CHUNK ? end - CHUNK : 0;
            for (int t = end - 1; t >= begin; t--) {
                V time, time_d = {0};
                int64_t at = (int64_t)start * call->steps + t, lane = call->steps;
                gather(call->dt + start * call->dt_lane + t * call->dt_step, call->dt_lane, lanes,
                       1, &time);
                gather(call->d_states + at * n, lane * n, lanes, n, outer);
                for (int j = 0; j < n; j++)
                    dh[j] += outer[j];
                for (int i = 0; i < net.inputs; i++)
                    dx[i] = splat(0.0f);
                for (int u = unfolds - 1; u >= 0; u--) {
                    const V *v = record + ((int64_t)t * unfolds + u) * net.kept;
                    V *dz = chunk + ((t - begin) * unfolds + u) * wide;
                    moved_back(&net, time, v + net.inputs, v + net.reads, dh, dz, &time_d, d_rate);
                    map(call->scratch, 0, dz, dv, net.reads, n);
                    for (int i = 0; i < net.inputs; i++)
                        dx[i] += dv[i];
                    for (int j = 0; j < n; j++)
                        dh[j] += dv[net.inputs + j];
                }
                if (call->dx)
                    scatter(dx, call->dx + at * net.inputs, lane * net.inputs, lanes, net.inputs);
                if (call->d_dt)
                    scatter(&time_d, call->d_dt + at, lane, lanes, 1);
            }
            gradient_of_map(chunk, wide, record + (int64_t)begin * unfolds * net.kept, net.kept,
                            (end - begin) * unfolds, n, net.reads, to,
                            to + (int64_t)n * net.reads);
        }
        for (int j = 0; j < n; j++)
            to[(int64_t)n * (net.reads + 1) + j] += sum(d_rate[j]);
        if (call->dh0)
            scatter(dh, call->dh0 + (int64_t)start * n, n, lanes, n);
    }
}
