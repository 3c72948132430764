/* elements.c: the binary losses, tile by tile. */
#include "problem.h"

enum { TILES_PER_BLOCK = 16 };

typedef union tile {
    float f32[ELEMENT_BYTES / 4];
    double f64[ELEMENT_BYTES / 8];
} tile;

/* Scratch of one thread: what is not already in memory in the right form. */
typedef struct scratch {
    tile x, labels, u, u_lo, v, v_lo, w, w_lo, result[3];
    double z[ELEMENT_BYTES / 4], q[ELEMENT_BYTES / 4];
} scratch;

static int64_t tile_length(const problem *p) {
    return ELEMENT_BYTES / p->set->size;
}

/* Labels that the compute type holds exactly, without a positive weight, serve as they are; otherwise u, v and w are
 * formed. */
static void take_labels(const problem *p, const block *b, scratch *s, binary_loop *loop) {
    const operand *labels = p->in + IN_LABELS, *weight = p->in + IN_POS_WEIGHT;
    const int64_t z_stride = inner_stride(p, labels), q_stride = inner_stride(p, weight);
    if (!weight->in && (labels->dtype != PYCE_FLOAT64 || p->compute == PYCE_FLOAT64)) {
        loop->labels = as_compute_type(p, labels, b->in[IN_LABELS], z_stride, b->n, &s->labels);
        return;
    }
    loop->labels = NULL;
    loop->coefficients.u = &s->u;
    loop->coefficients.u_lo = &s->u_lo;
    loop->coefficients.v = &s->v;
    loop->coefficients.v_lo = &s->v_lo;
    loop->coefficients.w = &s->w;
    loop->coefficients.w_lo = &s->w_lo;
    p->doubles->load[labels->dtype](s->z, input_at(labels, b->in[IN_LABELS]), z_stride, b->n);
    if (weight->in) p->doubles->load[weight->dtype](s->q, input_at(weight, b->in[IN_POS_WEIGHT]), q_stride, b->n);
    p->set->coefficients_of(s->z, weight->in ? s->q : NULL, b->n, &loop->coefficients);
}

/* The two outputs that depend on the logits alone. */
static void write_probabilities(const problem *p, const block *b, scratch *s, binary_loop *loop) {
    static const int32_t which[2] = {OUT_PROB, OUT_LOG_PROB}, kernel[2] = {BINARY_PROB, BINARY_LOG_PROB};
    int32_t i;
    for (i = 0; i < 2; i++) {
        const operand *out = p->out + which[i];
        if (!out->out) continue;
        loop->loss = as_target(p, which[i], b->out[which[i]], inner_stride(p, out), b->n, s->result);
        p->set->binary[kernel[i]](loop);
        store_target(p, which[i], b->out[which[i]], inner_stride(p, out), b->n, loop->loss);
    }
}

static void do_tile(const problem *p, const block *b, scratch *s) {
    static const int32_t which[3] = {OUT_LOSS, OUT_GRAD, OUT_HESS}, bit[3] = {BINARY_LOSS, BINARY_GRAD, BINARY_HESS};
    const operand *logits = p->in + IN_LOGITS;
    binary_loop loop = {0};
    void *target[3] = {NULL, NULL, NULL};
    int32_t wanted = 0, i;
    loop.n = b->n;
    loop.x = as_compute_type(p, logits, b->in[IN_LOGITS], inner_stride(p, logits), b->n, &s->x);
    write_probabilities(p, b, s, &loop); /* first: grad may overwrite the logits */
    for (i = 0; i < 3; i++) {
        const operand *out = p->out + which[i];
        if (!out->out) continue;
        wanted |= bit[i];
        target[i] = as_target(p, which[i], b->out[which[i]], inner_stride(p, out), b->n, s->result + i);
    }
    if (!wanted) return;
    take_labels(p, b, s, &loop);
    loop.loss = target[0];
    loop.grad = target[1];
    loop.hess = target[2];
    p->set->binary[wanted](&loop);
    for (i = 0; i < 3; i++) {
        const operand *out = p->out + which[i];
        if (target[i]) store_target(p, which[i], b->out[which[i]], inner_stride(p, out), b->n, target[i]);
    }
}

static void do_elements(const problem *p, const block *b) {
    const int64_t length = tile_length(p);
    scratch s;
    block piece = *b;
    int64_t start;
    for (start = 0; start < b->n; start += length) {
        piece.n = b->n - start < length ? b->n - start : length;
        do_tile(p, &piece, &s);
        pyce_advance(p, &piece, length);
    }
}

void pyce_run_elements(const problem *p) {
    pyce_for_blocks(p, TILES_PER_BLOCK * tile_length(p), do_elements);
}
