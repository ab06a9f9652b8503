/* LTC circuits over whole sequences, forward and backward. trainer/cells/ltc.py has the equations. */

#include "lanes.h"

/* The synapses into each neuron: those of neuron j are starts[j] to starts[j + 1] - 1, from
 * sources[s]. Each opens by sigmoid(sigma (v - mu)), conducts w, and carries a = w E. */
typedef struct {
    const int32_t *starts, *sources;
    int count;
    const float *mu, *sigma, *w, *a;
} Synapses;

typedef struct {
    int inputs, neurons, unfolds;
    const float *capacity, *leak, *current; /* C, g, g v_leak of each neuron */
    Synapses sensory, inner;
} Circuit;

static const float *synapses_at(Synapses *to, const int32_t *wiring, int neurons, int count,
                                const float *flat)
{
    *to = (Synapses){wiring, wiring + neurons + 1, count, flat, flat + count, flat + 2 * count,
                     flat + 3 * count};
    return flat + 4 * count;
}

/* shape: inputs, neurons, unfolds, synapses from inputs, synapses between neurons; then starts and
 * sources of both. flat: C, g and g v_leak [3, H]; mu, sigma, w, a [4, S] of both. */
static Circuit circuit_of(const int32_t *shape, const float *flat)
{
    int n = shape[1];
    Circuit c = {.inputs = shape[0], .neurons = n, .unfolds = shape[2], .capacity = flat,
                 .leak = flat + n, .current = flat + 2 * n};
    const int32_t *wiring = shape + 5;
    flat = synapses_at(&c.sensory, wiring, n, shape[3], flat + 3 * n);
    synapses_at(&c.inner, wiring + n + 1 + shape[3], n, shape[4], flat);
    return c;
}

/* Vectors of one step's record: inputs; 1 / (C + dt G) of each unfold; potentials before each
 * unfold and behind the last. */
static int kept(const Circuit *c) { return c->inputs + (2 * c->unfolds + 1) * c->neurons; }

/* Floats of a step's record, and of the scratch memory of a call. */
int64_t ltc_record(const int32_t *shape)
{
    Circuit c = circuit_of(shape, 0);
    return (int64_t)kept(&c) * LANES;
}

int64_t ltc_scratch(const int32_t *shape)
{
    Circuit c = circuit_of(shape, 0);
    int64_t synapses = 5L * c.sensory.count + 4L * c.inner.count;
    return LANES * (synapses + c.inputs + 10L * c.neurons);
}

static inline V opening(const Synapses *s, int k, const V *v)
{
    return sigmoid(s->sigma[k] * (v[s->sources[k]] - s->mu[k]));
}

/* current[j] and conductance[j] of the synapses from the inputs, with the leak. */
static inline void sense(const Circuit *c, const V *x, V *current, V *conductance, V *open)
{
    for (int j = 0; j < c->neurons; j++) {
        V i = splat(c->current[j]), g = splat(c->leak[j]);
        for (int k = c->sensory.starts[j]; k < c->sensory.starts[j + 1]; k++) {
            V s = opening(&c->sensory, k, x);
            if (open)
                open[k] = s;
            i += c->sensory.a[k] * s;
            g += c->sensory.w[k] * s;
        }
        current[j] = i;
        conductance[j] = g;
    }
}

/* x are the mapped inputs. */
static void forward_block(const Call *call, const Circuit *c, V *step, int start)
{
    int lanes = call->last - start < LANES ? call->last - start : LANES, n = c->neurons;
    V *current = (V *)call->scratch, *conductance = current + n;
    gather(call->h0 + (int64_t)start * n, n, lanes, n, step + c->inputs + c->unfolds * n);
    for (int t = 0; t < call->steps; t++) {
        V time, *v = step + c->inputs + c->unfolds * n, *inverse = step + c->inputs;
        gather(call->dt + start * call->dt_lane + t * call->dt_step, call->dt_lane, lanes, 1, &time);
        gather(call->x + start * call->x_lane + t * call->x_step, call->x_lane, lanes, c->inputs,
               step);
        sense(c, step, current, conductance, 0);
        for (int u = 0; u < c->unfolds; u++, v += n, inverse += n)
            for (int j = 0; j < n; j++) {
                V i = current[j], g = conductance[j];
                for (int k = c->inner.starts[j]; k < c->inner.starts[j + 1]; k++) {
                    V s = opening(&c->inner, k, v);
                    i += c->inner.a[k] * s;
                    g += c->inner.w[k] * s;
                }
                inverse[j] = 1.0f / (c->capacity[j] + time * g);
                v[n + j] = (c->capacity[j] * v[j] + time * i) * inverse[j];
            }
        int64_t lane = (int64_t)call->steps * n;
        scatter(v, call->states + start * lane + t * n, lane, lanes, n);
        if (t + 1 == call->steps)
            break;
        step += call->keep ? kept(c) : 0;
        for (int j = 0; j < n; j++)
            step[c->inputs + c->unfolds * n + j] = v[j];
    }
}

void ltc_forward(const Call *call)
{
    Circuit c = circuit_of(call->shape, call->flat);
    for (int start = call->first; start < call->last; start += LANES) {
        int64_t block = call->keep ? start / LANES : 0;
        forward_block(call, &c, (V *)call->record + block * call->steps * kept(&c), start);
    }
}

/* The gradients of one synapse, from those of the current and conductance of its target: adds to
 * its four sums (mu's lacks the factor -sigma) and to the gradient of its source's potential. */
static inline void open_back(const Synapses *s, int k, V open, V source, V d_current,
                             V d_conductance, V *sums, V *dv)
{
    V slope = (s->a[k] * d_current + s->w[k] * d_conductance) * (open * (1.0f - open));
    sums[0] += slope;
    sums[1] += slope * (source - s->mu[k]);
    sums[2] += open * d_conductance;
    sums[3] += open * d_current;
    dv[s->sources[k]] += slope * s->sigma[k];
}

static void write_sums(const Synapses *s, const V *sums, float *to)
{
    for (int k = 0; k < s->count; k++, sums += 4) {
        to[k] += -s->sigma[k] * sum(sums[0]);
        for (int i = 1; i < 4; i++)
            to[i * s->count + k] += sum(sums[i]);
    }
}

/* The memory of the way back: sums of gradients over a sequence, then what a step needs. */
typedef struct {
    V *sensory, *inner;                /* [S, 4] each */
    V *capacity, *leak, *current_leak; /* [H] each */
    V *dh, *end;                       /* the potentials behind the step, then before it */
    V *open, *current, *conductance, *d_current, *d_conductance, *dv, *dx, *outer;
} Sums;

static Sums sums_in(const Circuit *c, V *at)
{
    int n = c->neurons;
    Sums s = {.sensory = at};
    s.inner = s.sensory + 4 * c->sensory.count;
    s.capacity = s.inner + 4 * c->inner.count;
    s.leak = s.capacity + n;
    s.current_leak = s.leak + n;
    s.dh = s.current_leak + n;
    s.end = s.open = s.dh + n;
    s.current = s.open + c->sensory.count;
    s.conductance = s.current + n;
    s.d_current = s.conductance + n;
    s.d_conductance = s.d_current + n;
    s.dv = s.d_conductance + n;
    s.outer = s.dv + n;
    s.dx = s.outer + n;
    return s;
}

/* One unfold back, from potentials `after` to v. */
static void unfold_back(const Circuit *c, const Sums *s, const V *inverse, const V *v,
                        const V *after, V time, V *d_dt)
{
    int n = c->neurons;
    for (int j = 0; j < n; j++)
        s->dv[j] = s->dh[j] * inverse[j] * c->capacity[j];
    for (int j = 0; j < n; j++) {
        V d_sum = s->dh[j] * inverse[j], d_whole = -d_sum * after[j];
        V di = d_sum * time, dg = d_whole * time, i = s->current[j], g = s->conductance[j];
        for (int k = c->inner.starts[j]; k < c->inner.starts[j + 1]; k++) {
            V open = opening(&c->inner, k, v);
            i += c->inner.a[k] * open;
            g += c->inner.w[k] * open;
            open_back(&c->inner, k, open, v[c->inner.sources[k]], di, dg, s->inner + 4 * k, s->dv);
        }
        *d_dt += d_sum * i + d_whole * g;
        s->capacity[j] += d_sum * v[j] + d_whole;
        s->d_current[j] += di;
        s->d_conductance[j] += dg;
    }
    for (int j = 0; j < n; j++)
        s->dh[j] = s->dv[j];
}

static void step_back(const Circuit *c, const Sums *s, const V *x, V time, V *d_dt)
{
    int n = c->neurons;
    sense(c, x, s->current, s->conductance, s->open);
    for (int j = 0; j < n; j++) {
        s->dh[j] += s->outer[j];
        s->d_current[j] = s->d_conductance[j] = splat(0.0f);
    }
    for (int u = c->unfolds - 1; u >= 0; u--) {
        const V *inverse = x + c->inputs + u * n, *v = inverse + c->unfolds * n;
        unfold_back(c, s, inverse, v, v + n, time, d_dt);
    }
    for (int i = 0; i < c->inputs; i++)
        s->dx[i] = splat(0.0f);
    for (int j = 0; j < n; j++) {
        s->leak[j] += s->d_conductance[j];
        s->current_leak[j] += s->d_current[j];
        for (int k = c->sensory.starts[j]; k < c->sensory.starts[j + 1]; k++)
            open_back(&c->sensory, k, s->open[k], x[c->sensory.sources[k]], s->d_current[j],
                      s->d_conductance[j], s->sensory + 4 * k, s->dx);
    }
}

void ltc_backward(const Call *call)
{
    Circuit c = circuit_of(call->shape, call->flat);
    Sums s = sums_in(&c, (V *)call->scratch);
    int n = c.neurons;
    for (int start = call->first; start < call->last; start += LANES) {
        int lanes = call->last - start < LANES ? call->last - start : LANES;
        const V *record = (const V *)call->record;
        record += (int64_t)(start / LANES) * call->steps * kept(&c);
        for (V *zero = s.sensory; zero < s.end; zero++)
            *zero = splat(0.0f);
        for (int t = call->steps - 1; t >= 0; t--) {
            V time, time_d = {0};
            int64_t at = (int64_t)start * call->steps + t, lane = call->steps;
            gather(call->dt + start * call->dt_lane + t * call->dt_step, call->dt_lane, lanes, 1,
                   &time);
            gather(call->d_states + at * n, lane * n, lanes, n, s.outer);
            step_back(&c, &s, record + (int64_t)t * kept(&c), time, &time_d);
            if (call->dx)
                scatter(s.dx, call->dx + at * c.inputs, lane * c.inputs, lanes, c.inputs);
            if (call->d_dt)
                scatter(&time_d, call->d_dt + at, lane, lanes, 1);
        }
        float *to = call->d_flat + start / LANES * call->weights;
        for (int j = 0; j < 3 * n; j++)
            to[j] += sum(s.capacity[j]);
        write_sums(&c.sensory, s.sensory, to + 3 * n);
        write_sums(&c.inner, s.inner, to + 3 * n + 4 * c.sensory.count);
        if (call->dh0)
            scatter(s.dh, call->dh0 + (int64_t)start * n, n, lanes, n);
    }
}
