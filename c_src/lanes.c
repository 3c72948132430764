/* lanes.c: rows of few classes (up to LANE_CLASSES): a block of them is transposed into scratch, and each lane of a
 * vector is a row. The phases are those of rows.c, which also writes results along rows that are not too short. */
#include "rows.h"

#include <string.h>

enum {
    LANES_ELEMENTS = 16384, /* of logits in a block */
    ALONG_CLASSES = 24      /* from here on it is faster to write along the rows than to transpose the results */
};

/* Logits, labels and outputs of a block, transposed: (classes, rows). */
typedef struct PYCE_ALIGNED matrices {
    matrix x, labels, first, second;
} matrices;

static int64_t matrix_rows(const problem *p) {
    const int64_t fit = MATRIX_BYTES / (p->set->size * p->classes) / VECTOR_ROWS * VECTOR_ROWS;
    return fit > BLOCK_ROWS ? BLOCK_ROWS : fit;
}

static void *line_of(const problem *p, void *to, int64_t c, int64_t padded) {
    return (char *)to + c * padded * p->set->size;
}

static void load_matrix(const problem *p, const block *b, int32_t which, matrix *to, int64_t padded) {
    const operand *in = p->in + which;
    p->set->load_matrix[in->dtype](to, padded, input_at(in, b->in[which]), inner_stride(p, in), in->class_stride, b->n,
                                   p->classes);
}

static void store_matrix(const problem *p, const block *b, int32_t which, const void *from, int64_t padded) {
    const operand *out = p->out + which;
    p->set->store_matrix[out->dtype](output_at(out, b->out[which]), inner_stride(p, out), out->class_stride, from,
                                     padded, b->n, p->classes);
}

/* W (alpha t + beta) in place of the labels t; of 0 if there are none. */
static void blend_lines(const problem *p, matrix *m, int labels, double alpha, double beta, int64_t padded) {
    int64_t c;
    for (c = 0; c < p->classes; c++) {
        const double w = pyce_class_weight(p, c);
        void *line = line_of(p, m, c, padded);
        p->set->blend(line, labels ? line : NULL, &w, 0, alpha, beta, padded);
    }
}

/* The effective labels, in place of the labels; from index labels too. */
static void blend_labels(const problem *p, const block *b, const scratch *s, matrix *labels, int64_t padded) {
    int64_t i;
    blend_lines(p, labels, !p->indexed, p->label_scale, p->label_shift, padded);
    for (i = 0; i < b->n && p->indexed; i++) {
        const int64_t at = s->index[i];
        if (at >= 0) p->set->put(labels, at * padded + i, pyce_index_label(p, at));
    }
}

/* Probabilities to the Hessian times the vector, in place. */
static void multiply_hessian(const problem *p, const block *b, const scratch *s, matrices *m, int64_t padded) {
    int64_t i, c;
    load_matrix(p, b, IN_VECTOR, &m->second, padded);
    for (i = 0; i < b->n; i++) {
        char *prob = (char *)&m->first + i * p->set->size;
        const char *vector = (const char *)&m->second + i * p->set->size;
        const char *x = (const char *)&m->x + i * p->set->size;
        centre mean = {0.0, {0.0, 0.0}};
        int64_t place = -1;
        double best;
        p->set->argmax(x, padded, p->classes, 0, &best, &place);
        if (place >= 0) p->doubles->load[p->compute](&mean.level, vector + place * padded * p->set->size, 1, 1);
        p->set->dot(prob, vector, padded, p->classes, &mean);
        p->set->bend(prob, prob, vector, padded, p->classes, &mean, pyce_mass_of(p, s, i));
        for (c = 0; c < p->classes && pyce_is_nothing(p, s, i); c++) p->set->put(&m->first, c * padded + i, 0.0);
    }
}

static void clear_masked(const problem *p, const block *b, const scratch *s, matrix *m, int64_t padded) {
    int64_t c, i;
    for (i = 0; i < b->n; i++) {
        for (c = 0; c < p->classes && s->weights.keep[i] == 0.0; c++) p->set->put(m, c * padded + i, 0.0);
    }
}

static void write_step(const problem *p, const block *b, scratch *s, matrices *m, int64_t padded, step now) {
    rows_loop loop = {0};
    loop.x = &m->x;
    loop.labels = p->dense ? &m->labels : NULL;
    loop.index = p->indexed && !p->dense ? s->index : NULL;
    loop.first = &m->first;
    loop.second = &m->second;
    loop.classes = p->classes;
    loop.rows = padded;
    loop.constants = &s->constants;
    if (now.first == OUT_LABELS_GRAD) {
        loop.labels = has_factors(p) ? &m->second : NULL;
        if (loop.labels) blend_lines(p, &m->second, 0, 0.0, p->label_scale, padded);
    }
    p->set->rows_lanes[now.loop](&loop);
    if (now.first == OUT_HVP) multiply_hessian(p, b, s, m, padded);
    if (p->weighted && is_masked_output(now.first)) {
        clear_masked(p, b, s, &m->first, padded);
        if (now.second >= 0) clear_masked(p, b, s, &m->second, padded);
    }
    if (now.second >= 0) store_matrix(p, b, now.second, loop.second, padded);
    store_matrix(p, b, now.first, loop.first, padded);
}

static void find_correct(const problem *p, const block *b, const scratch *s, const matrices *m, int64_t padded) {
    int64_t i;
    for (i = 0; i < b->n; i++) {
        int64_t place = -1, label = -1;
        double best = 0.0;
        p->set->argmax((const char *)&m->x + i * p->set->size, padded, p->classes, 0, &best, &place);
        if (p->indexed) label = s->index[i];
        else p->set->argmax((const char *)&m->labels + i * p->set->size, padded, p->classes, 0, &best, &label);
        pyce_store_correct(p, b, i, label, place);
    }
}

static void do_matrix(const problem *p, const block *b, sums *to) {
    scratch s;
    matrices m;
    const int64_t padded = (b->n + VECTOR_ROWS - 1) / VECTOR_ROWS * VECTOR_ROWS;
    int32_t k;
    load_matrix(p, b, IN_LOGITS, &m.x, padded);
    if (p->dense && !p->indexed) load_matrix(p, b, IN_LABELS, &m.labels, padded);
    pyce_read_rows(p, b, padded, &s);
    if (p->out[OUT_CORRECT].out) find_correct(p, b, &s, &m, padded);
    if (p->blended) blend_labels(p, b, &s, &m.labels, padded);
    p->set->state_lanes(&s.states, &m.x, p->dense ? &m.labels : NULL, p->classes, padded);
    p->set->normalise(&s.states, 0, padded);
    pyce_finish_rows(p, b, padded, &s, to);
    if (p->step_count == 0) return;
    if (p->classes >= ALONG_CLASSES && pyce_write_at_once(p, b, &s)) return;
    for (k = 0; k < p->step_count; k++) write_step(p, b, &s, &m, padded, p->steps[k]);
}

void pyce_run_few_classes(const problem *p, partial_sums *parts) {
    const int64_t piece = matrix_rows(p), pieces = LANES_ELEMENTS / (piece * p->classes); /* at least 4 */
    pyce_for_blocks(p, pieces * piece, piece, do_matrix, parts);
}
