/* CfC layers over whole sequences, forward and backward. trainer/cells/cfc.py has the equations.
 *
 * A step of a layer: it reads [input, own state]; a backbone of `depth` maps, each `width` units
 * and an activation; then the maps of all heads as one. Its input is x, or the layer before it. */

#include "lanes.h"

enum { DEFAULT, NO_GATE, PURE };
enum { LECUN_TANH, TANH, RELU, SILU, GELU }; /* from SILU on the slope needs the sum */
#define CHUNK 32 /* steps whose gradients of sums are kept until they are multiplied by the inputs */
#define MOST_LAYERS 64

/* Offsets are in vectors. `kept` and `sums` are those of one step: of its record, and of the
 * gradients of all sums. */
typedef struct {
    int inputs, units, reads, heads; /* heads: rows of the last map */
    int kept, sums;
} Layer;

typedef struct {
    int mode, fixed, activation, depth, width, layers, neurons;
    int deep; /* vectors of a backbone layer's record: its values, and from SILU on its sums */
    int kept, sums, widest;
    int64_t weights, packed; /* floats of all weights, and of all maps when packed */
    Layer layer[MOST_LAYERS];
} Net;

static int rows_of(const Net *net, const Layer *layer, int d)
{
    return d < net->depth ? net->width : layer->heads;
}

static int columns_of(const Net *net, const Layer *layer, int d)
{
    return d ? net->width : layer->reads;
}

/* shape: mode, activation, depth, width, layers, inputs, units of each layer. The modes 3 and 4 are
 * 0 and 1 with one elapsed time for all samples: it is in the weights of the gate's only map. */
static Net net_of(const int32_t *shape)
{
    Net net = {.mode = shape[0] % 3, .fixed = shape[0] >= 3, .activation = shape[1], .depth = shape[2], .width = shape[3],
               .layers = shape[4], .widest = padded(shape[3])};
    net.deep = padded(net.width) * (net.activation >= SILU ? 2 : 1);
    int inputs = shape[5];
    for (int l = 0; l < net.layers; l++) {
        Layer *layer = &net.layer[l];
        int units = shape[6 + l], heads = (net.mode == PURE ? 1 : 4 - net.fixed) * units;
        *layer = (Layer){inputs, units, inputs + units, heads, 0, 0};
        layer->sums = net.depth * padded(net.width) + padded(heads);
        layer->kept = layer->reads + net.depth * net.deep + padded(heads);
        net.kept += layer->kept;
        net.sums += layer->sums;
        net.neurons += units;
        if (padded(layer->reads) > net.widest)
            net.widest = padded(layer->reads);
        for (int d = 0; d <= net.depth; d++) {
            int rows = rows_of(&net, layer, d), columns = columns_of(&net, layer, d);
            int64_t there = packed(rows, columns), back = packed(columns, rows);
            net.packed += there > back ? there : back;
            net.weights += (int64_t)rows * columns + rows;
        }
        net.weights += net.mode == PURE ? 2 * units : 0;
        inputs = units;
    }
    net.packed = (net.packed + LANES - 1) / LANES * LANES;
    /* Odd sizes of a step spread what lies at the same place of all steps over the cache. */
    Layer *end = &net.layer[net.layers - 1];
    end->kept += 1 - net.kept % 2;
    end->sums += 1 - net.sums % 2;
    net.kept |= 1;
    net.sums |= 1;
    return net;
}

/* Floats of a step's record, and of the scratch memory of a call. */
int64_t cfc_record(const int32_t *shape) { return (int64_t)net_of(shape).kept * LANES; }

int64_t cfc_scratch(const int32_t *shape)
{
    Net net = net_of(shape);
    return net.packed + LANES * ((int64_t)CHUNK * net.sums + 4L * net.neurons + net.widest);
}

/* Pack every map, for the way back its transpose. The weights of a layer: its maps, each W
 * [rows, columns] and then b [rows]; then, in mode pure, |w_tau| and A. Returns the end. */
static float *pack_maps(const Net *net, const float *flat, int back, float *to)
{
    for (int l = 0; l < net->layers; l++) {
        const Layer *layer = &net->layer[l];
        for (int d = 0; d <= net->depth; d++) {
            int rows = rows_of(net, layer, d), columns = columns_of(net, layer, d);
            if (back)
                pack(flat, 1, columns, columns, rows, to);
            else
                pack(flat, columns, 1, rows, columns, to);
            to += back ? packed(columns, rows) : packed(rows, columns);
            flat += (int64_t)rows * columns + rows;
        }
        flat += net->mode == PURE ? 2 * layer->units : 0;
    }
    return to;
}

static inline V activated(int kind, V x)
{
    switch (kind) {
    case RELU:
        return choose(x <= splat(0.0f), splat(0.0f), x);
    case SILU:
        return x * sigmoid(x);
    case GELU:
        return x * normal_share(x);
    case TANH:
        return hyperbolic_tangent(x);
    default:
        return 1.7159f * hyperbolic_tangent(0.666f * x);
    }
}

/* The slope where the value is y and, from SILU on, the sum x. */
static inline V slope_of(int kind, V y, V x)
{
    V s;
    switch (kind) {
    case RELU:
        return choose(y > splat(0.0f), splat(1.0f), splat(0.0f));
    case SILU:
        s = sigmoid(x);
        return s * (1.0f + x * (1.0f - s));
    case GELU:
        return normal_share(x) + x * (0.398942280f * exponential(-0.5f * x * x));
    case TANH:
        return 1.0f - y * y;
    default:
        return 0.666f * (1.7159f - y * y * (1.0f / 1.7159f));
    }
}

static inline V size_of(V x) { return choose(x < splat(0.0f), -x, x); }

/* The heads' sums z -> their values, kept in z, and the next state. */
static inline void move(const Net *net, int n, const float *constants, V dt, V *z, V *h)
{
    V *gate = z + (net->fixed ? 2 : 3) * n;
    if (net->mode == PURE) {
        for (int j = 0; j < n; j++) {
            V rate = constants[j] + size_of(z[j]), a = splat(constants[n + j]);
            h[j] = a - a * exponential(-dt * rate) * z[j];
        }
        return;
    }
    for (int j = 0; j < n; j++) {
        V f = z[j] = hyperbolic_tangent(z[j]);
        V g = z[n + j] = hyperbolic_tangent(z[n + j]);
        V t = gate[j] = sigmoid(net->fixed ? gate[j] : z[2 * n + j] * dt + gate[j]);
        h[j] = net->mode == NO_GATE ? f + t * g : f * (1.0f - t) + t * g;
    }
}

/* The record of a step: for each layer what it reads; of each backbone layer the values, and from
 * SILU on behind them the sums; the values of the heads. */
static void forward_block(const Call *call, const Net *net, V *step, int start)
{
    const float *maps = call->scratch;
    V *h = (V *)(call->scratch + net->packed);
    int lanes = call->last - start < LANES ? call->last - start : LANES;
    int stride = call->keep ? net->kept : 0;
    for (int t = 0; t < call->steps; t++, step += stride) {
        V time, *state = h, *v = step;
        gather(call->dt + start * call->dt_lane + t * call->dt_step, call->dt_lane, lanes, 1, &time);
        gather(call->x + start * call->x_lane + t * call->x_step, call->x_lane, lanes,
               net->layer[0].inputs, v);
        const float *flat = call->flat, *map_at = maps;
        for (int l = 0; l < net->layers; l++) {
            const Layer *layer = &net->layer[l];
            if (t == 0)
                gather(call->h0 + (int64_t)start * net->neurons + (state - h), net->neurons, lanes,
                       layer->units, v + layer->inputs);
            V *read = v, *z = v + layer->reads;
            for (int d = 0; d <= net->depth; d++) {
                int rows = rows_of(net, layer, d), columns = columns_of(net, layer, d);
                flat += (int64_t)rows * columns;
                map(map_at, flat, read, z, rows, columns);
                map_at += packed(rows, columns);
                flat += rows;
                if (d == net->depth)
                    break;
                if (net->activation >= SILU)
                    for (int i = 0; i < rows; i++)
                        z[padded(rows) + i] = z[i];
                for (int i = 0; i < rows; i++)
                    z[i] = activated(net->activation, z[i]);
                read = z;
                z += net->deep;
            }
            move(net, layer->units, flat, time, z, state);
            flat += net->mode == PURE ? 2 * layer->units : 0;
            V *own = v + stride + layer->inputs, *next = v + layer->kept;
            for (int j = 0; j < layer->units; j++) {
                if (t + 1 < call->steps)
                    own[j] = state[j];
                if (l + 1 < net->layers)
                    next[j] = state[j];
            }
            v = next;
            state += layer->units;
        }
        scatter(h, call->states + ((int64_t)start * call->steps + t) * net->neurons,
                (int64_t)call->steps * net->neurons, lanes, net->neurons);
    }
}

void cfc_forward(const Call *call)
{
    Net net = net_of(call->shape);
    pack_maps(&net, call->flat, 0, call->scratch);
    for (int start = call->first; start < call->last; start += LANES) {
        int64_t block = call->keep ? start / LANES : 0;
        forward_block(call, &net, (V *)call->record + block * call->steps * net.kept, start);
    }
}

/* The gradients of the heads' sums from that of the next state; adds to that of dt and, in mode
 * pure, to those of |w_tau| and A. */
static inline void move_back(const Net *net, int n, const float *constants, V dt, const V *z,
                             const V *dh, V *dz, V *d_dt, V *d_constants)
{
    if (net->mode == PURE) {
        for (int j = 0; j < n; j++) {
            V f = z[j], rate = constants[j] + size_of(f), e = exponential(-dt * rate);
            V moved = dh[j] * constants[n + j] * e;
            dz[j] = -moved * (1.0f - dt * size_of(f));
            d_constants[j] += moved * f * dt;
            d_constants[n + j] += dh[j] * (1.0f - e * f);
            *d_dt += moved * f * rate;
        }
        return;
    }
    for (int j = 0; j < n; j++) {
        V f = z[j], g = z[n + j], t = z[(net->fixed ? 2 : 3) * n + j], rest = 1.0f - t;
        V df = net->mode == NO_GATE ? dh[j] : dh[j] * rest;
        V d_gate = dh[j] * (net->mode == NO_GATE ? g : g - f) * (t * rest);
        dz[j] = df * (1.0f - f * f);
        dz[n + j] = dh[j] * t * (1.0f - g * g);
        if (net->fixed) {
            dz[2 * n + j] = d_gate;
            continue;
        }
        dz[2 * n + j] = d_gate * dt;
        dz[3 * n + j] = d_gate;
        *d_dt += d_gate * z[2 * n + j];
    }
}

/* One step back: dh [H] is the gradient of the states behind the step, then of those before it.
 * Fills dz, the gradients of all sums, and dv, at first the gradient of x if `wanted`. */
static void step_back(const Net *net, const float *flat, const float *maps, V time, const V *v,
                      V *dz, V *dv, V *dh, V *d_dt, V *d_constants, int wanted)
{
    int deep = padded(net->width);
    v += net->kept;
    dz += net->sums;
    flat += net->weights;
    dh += net->neurons;
    d_constants += 2 * net->neurons;
    for (int l = net->layers - 1; l >= 0; l--) {
        const Layer *layer = &net->layer[l];
        v -= layer->kept;
        dz -= layer->sums;
        dh -= layer->units;
        d_constants -= 2 * layer->units;
        flat -= net->mode == PURE ? 2 * layer->units : 0;
        move_back(net, layer->units, flat, time, v + layer->reads + net->depth * net->deep, dh,
                  dz + net->depth * deep, d_dt, d_constants);
        for (int d = net->depth; d >= 0; d--) {
            int rows = rows_of(net, layer, d), columns = columns_of(net, layer, d);
            const V *y = v + layer->reads + d * net->deep, *x = y + net->deep - deep;
            for (int i = 0; d < net->depth && i < rows; i++)
                dz[d * deep + i] = dv[i] * slope_of(net->activation, y[i], x[i]);
            maps -= packed(columns, rows);
            int skipped = wanted || l || d ? 0 : layer->inputs / ROWS * ROWS;
            map(maps + (int64_t)skipped * rows, 0, dz + d * deep, dv + skipped, columns - skipped,
                rows);
            flat -= (int64_t)rows * columns + rows;
        }
        for (int j = 0; j < layer->units; j++)
            dh[j] = dv[layer->inputs + j];
        for (int j = 0; l > 0 && j < layer->inputs; j++)
            dh[j - layer->inputs] += dv[j];
    }
}

/* Add the gradients of all maps over `steps` steps. */
static void maps_back(const Net *net, const V *v, const V *dz, int steps, float *to)
{
    int deep = padded(net->width);
    for (int l = 0; l < net->layers; l++) {
        const Layer *layer = &net->layer[l];
        for (int d = 0; d <= net->depth; d++) {
            int rows = rows_of(net, layer, d), columns = columns_of(net, layer, d);
            const V *read = d ? v + layer->reads + (d - 1) * net->deep : v;
            gradient_of_map(dz + d * deep, net->sums, read, net->kept, steps, rows, columns, to,
                            to + (int64_t)rows * columns);
            to += (int64_t)rows * columns + rows;
        }
        to += net->mode == PURE ? 2 * layer->units : 0;
        v += layer->kept;
        dz += layer->sums;
    }
}

static void constants_back(const Net *net, const V *d_constants, float *to)
{
    for (int l = 0; l < net->layers; l++) {
        const Layer *layer = &net->layer[l];
        for (int d = 0; d <= net->depth; d++)
            to += rows_of(net, layer, d) * (int64_t)(columns_of(net, layer, d) + 1);
        for (int j = 0; j < 2 * layer->units; j++)
            *to++ += sum(*d_constants++);
    }
}

void cfc_backward(const Call *call)
{
    Net net = net_of(call->shape);
    const float *maps_end = pack_maps(&net, call->flat, 1, call->scratch);
    V *chunk = (V *)(call->scratch + net.packed), *dh = chunk + CHUNK * net.sums;
    V *outer = dh + net.neurons, *d_constants = outer + net.neurons;
    V *dv = d_constants + 2 * net.neurons;
    for (int start = call->first; start < call->last; start += LANES) {
        int lanes = call->last - start < LANES ? call->last - start : LANES;
        const V *record = (const V *)call->record;
        record += (int64_t)(start / LANES) * call->steps * net.kept;
        float *to = call->d_flat + start / LANES * call->weights;
        for (V *zero = dh; zero < dv; zero++)
            *zero = splat(0.0f);
        for (int end = call->steps, begin; end > 0; end = begin) {
            begin = end > CHUNK ? end - CHUNK : 0;
            for (int t = end - 1; t >= begin; t--) {
                V time, time_d = {0};
                int64_t at = (int64_t)start * call->steps + t, lane = call->steps;
                gather(call->dt + start * call->dt_lane + t * call->dt_step, call->dt_lane, lanes,
                       1, &time);
                gather(call->d_states + at * net.neurons, lane * net.neurons, lanes, net.neurons,
                       outer);
                for (int j = 0; j < net.neurons; j++)
                    dh[j] += outer[j];
                step_back(&net, call->flat, maps_end, time, record + (int64_t)t * net.kept,
                          chunk + (t - begin) * net.sums, dv, dh, &time_d, d_constants,
                          call->dx != 0);
                int inputs = net.layer[0].inputs;
                if (call->dx)
                    scatter(dv, call->dx + at * inputs, lane * inputs, lanes, inputs);
                if (call->d_dt)
                    scatter(&time_d, call->d_dt + at, lane, lanes, 1);
            }
            maps_back(&net, record + (int64_t)begin * net.kept, chunk, end - begin, to);
        }
        if (net.mode == PURE)
            constants_back(&net, d_constants, to);
        if (call->dh0)
            scatter(dh, call->dh0 + (int64_t)start * net.neurons, net.neurons, lanes, net.neurons);
    }
}
