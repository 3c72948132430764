/* elements.c: the binary losses, tile by tile. */
#include "problem.h"

enum { TILES_PER_BLOCK = 16 };

typedef union tile {
    float f32[ELEMENT_BYTES / 4];
    double f64[ELEMENT_BYTES / 8];
} tile;

/* Scratch of one thread: what is not already in memory in the right form. */
typedef struct scratch {
    tile x, labels, pos_weight, u, u_lo, v, v_lo, w, w_lo, result[3];
    double z[MOST_WEIGHTS], q[MOST_WEIGHTS];
    weights weights;
} scratch;

/* Whether labels, weights and smoothing must be multiplied out before the loop. */
static int needs_general(const problem *p) {
    return p->weighted || p->label_shift != 0.0;
}

static void fill(double *to, int64_t n) {
    int64_t i;
    for (i = 0; i < n; i++) to[i] = 1.0;
}

/* u, v and w of a tile; `slopes`: their derivatives by the labels, over the denominator. */
static void form_coefficients(const problem *p, const block *b, scratch *s, binary_loop *loop, int slopes) {
    const operand *labels = p->in + IN_LABELS, *weight = p->in + IN_POS_WEIGHT;
    binary_labels from = {0};
    loop->labels = NULL;
    loop->coefficients.u = &s->u;
    loop->coefficients.u_lo = &s->u_lo;
    loop->coefficients.v = &s->v;
    loop->coefficients.v_lo = &s->v_lo;
    loop->coefficients.w = &s->w;
    loop->coefficients.w_lo = &s->w_lo;
    pyce_load_tile(p, labels, b->place, b->n, p->doubles->load[labels->dtype], p->doubles->size, s->z);
    if (!weight->in) fill(s->q, b->n);
    else pyce_load_tile(p, weight, b->place, b->n, p->doubles->load[weight->dtype], p->doubles->size, s->q);
    if (!p->weighted) fill(s->weights.value, b->n);
    from.z = s->z;
    from.q = s->q;
    from.weight = s->weights.value;
    from.z_scale = p->label_scale;
    from.z_scale_lo = (1.0 - p->label_scale) - p->args->label_smoothing;
    from.z_shift = p->label_shift;
    from.scale = slopes ? p->scale[0] : 1.0;
    from.scale_lo = slopes ? p->scale[1] : 0.0;
    from.slopes = slopes;
    p->set->coefficients_of(&from, b->n, &loop->coefficients);
}

/* A type that the compute type holds exactly. */
static int is_exact(const problem *p, const operand *a) {
    return a->dtype != PYCE_FLOAT64 || p->compute == PYCE_FLOAT64;
}

/* Labels, which the compute type holds (problem.c), and positive weights that it holds serve as they are, if no option
 * changes them. */
static void take_labels(const problem *p, const block *b, scratch *s, binary_loop *loop) {
    const operand *labels = p->in + IN_LABELS, *weight = p->in + IN_POS_WEIGHT;
    if (needs_general(p) || (weight->in && !is_exact(p, weight))) {
        form_coefficients(p, b, s, loop, 0);
        return;
    }
    loop->labels = pyce_read_tile(p, labels, b->place, b->n, &s->labels);
    if (weight->in) loop->pos_weight = pyce_read_tile(p, weight, b->place, b->n, &s->pos_weight);
}

/* One output by one kernel, which writes where the loss of `loop` points. */
static void write_one(const problem *p, const block *b, scratch *s, binary_loop *loop, int32_t which, int32_t kernel) {
    loop->loss = pyce_target_tile(p, which, b->place, b->n, s->result);
    p->set->binary[kernel](loop);
    if (which == OUT_LABELS_GRAD && p->weighted) p->set->clear(loop->loss, s->weights.keep, b->n);
    pyce_store_tile(p, which, b->place, b->n, loop->loss);
}

/* hvp is hess times the vector. */
static void write_product(const problem *p, const block *b, scratch *s, binary_loop *loop) {
    static const centre zero = {0.0, {0.0, 0.0}};
    const void *vector = pyce_read_tile(p, p->in + IN_VECTOR, b->place, b->n, s->result + 1);
    void *to = pyce_target_tile(p, OUT_HVP, b->place, b->n, s->result);
    loop->hess = to;
    p->set->binary[BINARY_HESS](loop);
    p->set->bend(to, to, vector, 1, b->n, &zero, 1.0);
    if (p->weighted) p->set->clear(to, s->weights.keep, b->n);
    pyce_store_tile(p, OUT_HVP, b->place, b->n, to);
}

/* loss, grad and hess, in one loop. */
static void write_losses(const problem *p, const block *b, scratch *s, binary_loop *loop, sums *sum) {
    static const int32_t which[3] = {OUT_LOSS, OUT_GRAD, OUT_HESS}, bit[3] = {BINARY_LOSS, BINARY_GRAD, BINARY_HESS};
    void *target[3] = {NULL, NULL, NULL};
    int32_t wanted = 0, i;
    for (i = 0; i < 3; i++) {
        if (i == 0 && p->sums_loss) target[i] = s->result;
        else if (p->out[which[i]].out) target[i] = pyce_target_tile(p, which[i], b->place, b->n, s->result + i);
        if (target[i]) wanted |= bit[i];
    }
    if (!wanted) return;
    loop->loss = target[0];
    loop->grad = target[1];
    loop->hess = target[2];
    p->set->binary[wanted](loop);
    for (i = 0; i < 3; i++) {
        if (!target[i]) continue;
        if (p->weighted) p->set->clear(target[i], s->weights.keep, b->n);
        if (p->out[which[i]].out) pyce_store_tile(p, which[i], b->place, b->n, target[i]);
        else p->set->accumulate(sum, b->place, target[i], b->n);
    }
}

static void do_tile(const problem *p, const block *b, sums *to) {
    scratch s;
    binary_loop loop = {0};
    loop.n = b->n;
    loop.scale = p->scale[0];
    loop.scale_lo = p->scale[1];
    loop.x = pyce_read_tile(p, p->in + IN_LOGITS, b->place, b->n, &s.x);
    if (p->out[OUT_PROB].out) write_one(p, b, &s, &loop, OUT_PROB, BINARY_PROB);
    if (p->out[OUT_LOG_PROB].out) write_one(p, b, &s, &loop, OUT_LOG_PROB, BINARY_LOG_PROB);
    if (!p->in[IN_LABELS].in) return;
    if (p->weighted) pyce_read_weights(p, b, NULL, &s.weights);
    if (p->out[OUT_LABELS_GRAD].out) {
        form_coefficients(p, b, &s, &loop, 1);
        write_one(p, b, &s, &loop, OUT_LABELS_GRAD, BINARY_LOSS);
    }
    take_labels(p, b, &s, &loop);
    if (p->out[OUT_HVP].out) write_product(p, b, &s, &loop);
    write_losses(p, b, &s, &loop, to); /* last: grad may overwrite the logits */
}

void pyce_run_elements(const problem *p, partial_sums *parts) {
    const int64_t piece = ELEMENT_BYTES / p->set->size;
    pyce_for_blocks(p, TILES_PER_BLOCK * piece, piece, do_tile, parts);
}
