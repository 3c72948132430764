/* lanes.c: rows of few classes (up to LANE_CLASSES): a block of them is transposed into scratch, and each lane of a
 * vector is a row. The phases are those of rows.c. */
#include "rows.h"

#include <string.h>

enum { LANES_ELEMENTS = 16384 }; /* of logits in a block */

/* Logits, labels and outputs of a block, transposed: (classes, rows). */
typedef struct matrices {
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

/* The effective labels, in place of the labels; from index labels too. */
static void blend_labels(const problem *p, const block *b, const scratch *s, matrix *labels, int64_t padded) {
    int64_t c, i;
    for (c = 0; c < p->classes; c++) {
        const double w = pyce_class_weight(p, c);
        void *line = line_of(p, labels, c, padded);
        p->set->blend(line, p->indexed ? NULL : line, &w, 0, p->label_scale, p->label_shift, padded);
    }
    for (i = 0; i < b->n && p->indexed; i++) {
        const double w = pyce_class_weight(p, s->index[i]);
        if (s->index[i] >= 0) p->set->put(labels, s->index[i] * padded + i, w * (p->label_scale + p->label_shift));
    }
}

/* The factors of labels_grad: class weights, and the derivative of smoothing. */
static void fill_factors(const problem *p, matrix *factors, int64_t padded) {
    int64_t c;
    for (c = 0; c < p->classes; c++) {
        const double w = pyce_class_weight(p, c);
        p->set->blend(line_of(p, factors, c, padded), NULL, &w, 0, 0.0, p->label_scale, padded);
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
        if (loop.labels) fill_factors(p, &m->second, padded);
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

static void do_matrix(const problem *p, const block *b, scratch *s, matrices *m, sums *to) {
    const int64_t padded = (b->n + VECTOR_ROWS - 1) / VECTOR_ROWS * VECTOR_ROWS;
    const int indexed = p->indexed && !p->dense;
    step steps[MOST_STEPS];
    int64_t i;
    int32_t count, k;
    load_matrix(p, b, IN_LOGITS, &m->x, padded);
    if (p->dense && !p->indexed) load_matrix(p, b, IN_LABELS, &m->labels, padded);
    if (p->indexed) pyce_read_indices(p, b, s->index);
    for (i = p->indexed ? b->n : 0; i < padded; i++) s->index[i] = -1;
    if (p->out[OUT_CORRECT].out) find_correct(p, b, s, m, padded);
    if (p->blended) blend_labels(p, b, s, &m->labels, padded);
    for (i = 0; i < padded && !indexed; i++) s->states.at_label[i] = 0.0;
    p->set->state_lanes(&s->states, &m->x, p->dense ? &m->labels : NULL, indexed ? s->index : NULL, p->classes, padded);
    p->set->normalise(&s->states, 0, padded);
    pyce_weigh_rows(p, b, padded, s);
    pyce_finish_losses(p, b, s, to);
    count = pyce_plan_steps(p, steps);
    if (count == 0) return;
    p->set->constants(&s->states, padded, p->dense, &s->weights, p->scale, &s->constants);
    for (k = 0; k < count; k++) write_step(p, b, s, m, padded, steps[k]);
}

void pyce_few_classes(const problem *p, const block *b, sums *to) {
    const int64_t length = matrix_rows(p);
    scratch s;
    matrices m;
    block piece = *b;
    int64_t start;
    for (start = 0; start < b->n; start += length) {
        piece.n = b->n - start < length ? b->n - start : length;
        do_matrix(p, &piece, &s, &m, to);
        pyce_advance(p, &piece, length);
    }
}

int64_t pyce_few_classes_rows(const problem *p) {
    const int64_t length = matrix_rows(p), pieces = LANES_ELEMENTS / (length * p->classes);
    return pieces > 1 ? pieces * length : length;
}
