/* rows.c: the softmax family: blocks of rows, and single rows too long for one thread.
 *
 * Two kinds, chosen by the class count alone. Few classes: a block of rows is transposed into scratch and each vector
 * lane is a row. Many: lanes run along the row, tile by tile; each tile leaves a state, states combine in order into
 * those of segments, segments into that of the row. Tiles and segments are fixed by the class count, so it does not
 * matter which thread does which. Either way the states of a block of rows are finished together, in vectors, and a
 * second pass, while the rows are in cache, writes what has the logits' shape. */
#include "problem.h"

#include <math.h>
#include <string.h>

enum {
    MIN_SEGMENT_TILES = 32, /* a segment is worth a thread */
    BLOCK_BYTES = 131072,   /* of logits in a block of rows: stays in L2 between the passes */
    LANES_ELEMENTS = 16384  /* of logits in a block of few-classes rows */
};

/* What a block of rows needs once, whatever the class count. */
typedef struct scratch {
    row_states states;
    row_constants constants;
    double loss[BLOCK_ROWS], lse[BLOCK_ROWS];
    int64_t index[BLOCK_ROWS];
} scratch;

static int is_dense(const problem *p) {
    return p->args->loss_kind == PYCE_SOFTMAX && p->in[IN_LABELS].in != NULL;
}

static int is_sparse(const problem *p) {
    return p->args->loss_kind == PYCE_SPARSE_SOFTMAX && p->in[IN_LABELS].in != NULL;
}

/* The index labels of a block. They were checked, but the caller's memory may have changed since: -1 if so. */
static void read_labels(const problem *p, const block *b, int64_t *index) {
    const operand *labels = p->in + IN_LABELS;
    int64_t i;
    for (i = 0; i < b->n; i++) {
        const int64_t value =
            pyce_read_label(labels->in, labels->dtype, b->in[IN_LABELS] + i * inner_stride(p, labels));
        index[i] = value >= 0 && value < p->classes ? value : -1;
    }
}

static void store_losses(const problem *p, const block *b, const scratch *s) {
    const operand *loss = p->out + OUT_LOSS, *lse = p->out + OUT_LSE;
    if (loss->out) {
        p->set->store_doubles[loss->dtype](output_at(loss, b->out[OUT_LOSS]), s->loss, inner_stride(p, loss), b->n);
    }
    if (lse->out) {
        p->set->store_doubles[lse->dtype](output_at(lse, b->out[OUT_LSE]), s->lse, inner_stride(p, lse), b->n);
    }
}

static void finish_losses(const problem *p, const block *b, scratch *s) {
    if (!p->out[OUT_LOSS].out && !p->out[OUT_LSE].out) return;
    p->set->losses(&s->states, b->n, is_dense(p), s->loss, s->lse);
    store_losses(p, b, s);
}

static int wants_second_pass(const problem *p) {
    return p->out[OUT_GRAD].out || p->out[OUT_HESS].out || p->out[OUT_PROB].out || p->out[OUT_LOG_PROB].out;
}

/* The outputs of the logits' shape: which loop writes which one or two. grad is last: it may overwrite the logits. */
typedef struct step {
    int32_t loop, first, second; /* outputs; second -1 if there is none */
} step;

static int32_t plan_steps(const problem *p, step *steps) {
    const int grad = p->out[OUT_GRAD].out != NULL, hess = p->out[OUT_HESS].out != NULL;
    int32_t count = 0;
#define STEP(loop_, first_, second_)     \
    do {                                 \
        steps[count].loop = loop_;       \
        steps[count].first = first_;     \
        steps[count++].second = second_; \
    } while (0)
    if (p->out[OUT_PROB].out) STEP(ROWS_PROB, OUT_PROB, -1);
    if (p->out[OUT_LOG_PROB].out) STEP(ROWS_LOG_PROB, OUT_LOG_PROB, -1);
    if (grad && hess) STEP(ROWS_GRAD_HESS, OUT_GRAD, OUT_HESS);
    else if (grad) STEP(ROWS_GRAD, OUT_GRAD, -1);
    else if (hess) STEP(ROWS_HESS, OUT_HESS, -1);
#undef STEP
    return count;
}

/* Few classes ---------------------------------------------------------------------------------------------------- */

/* Logits, labels and outputs of a block, transposed: (classes, rows). */
typedef struct matrices {
    matrix x, labels, first, second;
} matrices;

static int64_t matrix_rows(const problem *p) {
    const int64_t fit = MATRIX_BYTES / (p->set->size * p->classes) / VECTOR_ROWS * VECTOR_ROWS;
    return fit > BLOCK_ROWS ? BLOCK_ROWS : fit;
}

static void store_matrix(const problem *p, const block *b, int32_t which, const void *from, int64_t padded) {
    const operand *out = p->out + which;
    p->set->store_matrix[out->dtype](output_at(out, b->out[which]), inner_stride(p, out), out->class_stride, from,
                                     padded, b->n, p->classes);
}

static void write_lanes(const problem *p, const block *b, scratch *s, matrices *m, int64_t padded) {
    rows_loop loop = {0};
    step steps[4];
    const int32_t count = plan_steps(p, steps);
    int32_t i;
    loop.x = &m->x;
    loop.labels = is_dense(p) ? &m->labels : NULL;
    loop.index = is_sparse(p) ? s->index : NULL;
    loop.first = &m->first;
    loop.second = &m->second;
    loop.classes = p->classes;
    loop.rows = padded;
    loop.constants = &s->constants;
    for (i = 0; i < count; i++) {
        p->set->rows_lanes[steps[i].loop](&loop);
        if (steps[i].second >= 0) store_matrix(p, b, steps[i].second, loop.second, padded);
        store_matrix(p, b, steps[i].first, loop.first, padded);
    }
}

static void do_matrix(const problem *p, const block *b, scratch *s, matrices *m) {
    const operand *logits = p->in + IN_LOGITS, *labels = p->in + IN_LABELS;
    const int64_t padded = (b->n + VECTOR_ROWS - 1) / VECTOR_ROWS * VECTOR_ROWS;
    int64_t i;
    p->set->load_matrix[logits->dtype](&m->x, padded, input_at(logits, b->in[IN_LOGITS]), inner_stride(p, logits),
                                       logits->class_stride, b->n, p->classes);
    if (is_dense(p)) {
        p->set->load_matrix[labels->dtype](&m->labels, padded, input_at(labels, b->in[IN_LABELS]),
                                           inner_stride(p, labels), labels->class_stride, b->n, p->classes);
    }
    if (is_sparse(p)) {
        read_labels(p, b, s->index);
        for (i = b->n; i < padded; i++) s->index[i] = -1;
    } else {
        for (i = 0; i < padded; i++) s->states.at_label[i] = 0.0;
    }
    p->set->state_lanes(&s->states, &m->x, is_dense(p) ? &m->labels : NULL, is_sparse(p) ? s->index : NULL, p->classes,
                        padded);
    p->set->normalise(&s->states, 0, padded);
    finish_losses(p, b, s);
    if (!wants_second_pass(p)) return;
    p->set->constants(&s->states, padded, is_dense(p), &s->constants);
    write_lanes(p, b, s, m, padded);
}

static void do_few_classes(const problem *p, const block *b) {
    const int64_t length = matrix_rows(p);
    scratch s;
    matrices m;
    block piece = *b;
    int64_t start;
    for (start = 0; start < b->n; start += length) {
        piece.n = b->n - start < length ? b->n - start : length;
        do_matrix(p, &piece, &s, &m);
        pyce_advance(p, &piece, length);
    }
}

/* Many classes --------------------------------------------------------------------------------------------------- */

typedef struct cut { /* a row of tiles, tiles in segments: functions of the class count alone */
    int64_t tile, tiles, segment_tiles, segments;
} cut;

static cut cut_row(const problem *p) {
    cut c;
    c.tile = TILE_BYTES / p->set->size;
    c.tiles = (p->classes + c.tile - 1) / c.tile;
    c.segment_tiles = (c.tiles + BLOCK_ROWS - 1) / BLOCK_ROWS;
    if (c.segment_tiles < MIN_SEGMENT_TILES) c.segment_tiles = MIN_SEGMENT_TILES;
    c.segments = (c.tiles + c.segment_tiles - 1) / c.segment_tiles;
    return c;
}

static int64_t tile_length(const problem *p, const cut *c, int64_t i) {
    const int64_t left = p->classes - i * c->tile;
    return left < c->tile ? left : c->tile;
}

/* Buffers for tiles that are not in memory in the right form. */
typedef union tile {
    float f32[TILE_BYTES / 4];
    double f64[TILE_BYTES / 8];
} tile;

typedef struct tiles {
    tile x, labels, first, second;
} tiles;

/* What the passes over one row need: where it is, and buffers. */
typedef struct row {
    const problem *p;
    const cut *c;
    block at; /* n == 1 */
    tiles *buffers;
} row;

static const void *tile_of(const row *r, int32_t which, int64_t i, void *buffer) {
    const operand *a = r->p->in + which;
    return as_compute_type(r->p, a, r->at.in[which] + i * r->c->tile * a->class_stride, a->class_stride,
                           tile_length(r->p, r->c, i), buffer);
}

static void tile_state(const row *r, int64_t i, row_states *states, int64_t place) {
    const void *labels = is_dense(r->p) ? tile_of(r, IN_LABELS, i, &r->buffers->labels) : NULL;
    r->p->set->state_along(states, place, tile_of(r, IN_LOGITS, i, &r->buffers->x), labels, tile_length(r->p, r->c, i));
}

/* The normalised state of one segment. At most BLOCK_ROWS states are combined at a time, into the first place. */
static void segment_state(const row *r, int64_t segment, row_states *to, int64_t place) {
    int64_t i = segment * r->c->segment_tiles, held = 0;
    const int64_t last = i + r->c->segment_tiles < r->c->tiles ? i + r->c->segment_tiles : r->c->tiles;
    row_states batch;
    for (;;) {
        int64_t n = held;
        while (n < BLOCK_ROWS && i < last) tile_state(r, i++, &batch, n++);
        r->p->set->normalise(&batch, held, n);
        if (i == last) {
            r->p->set->combine(&batch, n, to, place, is_dense(r->p));
            return;
        }
        r->p->set->combine(&batch, n, &batch, 0, is_dense(r->p));
        held = 1;
    }
}

/* The logit at the row's index label. It is read before anything is written: grad may overwrite the logits. */
static double logit_at(const problem *p, const block *b, int64_t i, int64_t label) {
    const operand *logits = p->in + IN_LOGITS;
    const int64_t offset = b->in[IN_LOGITS] + i * inner_stride(p, logits) + label * logits->class_stride;
    double value = NAN;
    if (label >= 0) p->doubles->load[logits->dtype](&value, input_at(logits, offset), 1, 1);
    return value;
}

/* The outputs of one tile of one row, whose constants stand at `place`. */
static void write_tile(const row *r, int64_t i, int64_t label, const row_constants *constants, int64_t place) {
    const problem *p = r->p;
    const int64_t from = i * r->c->tile, n = tile_length(p, r->c, i), index = label - from;
    rows_loop loop = {0};
    step steps[4];
    const int32_t count = plan_steps(p, steps);
    int32_t k;
    loop.x = tile_of(r, IN_LOGITS, i, &r->buffers->x);
    loop.labels = is_dense(p) ? tile_of(r, IN_LABELS, i, &r->buffers->labels) : NULL;
    loop.index = is_sparse(p) ? &index : NULL;
    loop.classes = n;
    loop.rows = place;
    loop.constants = constants;
    for (k = 0; k < count; k++) {
        const int32_t first = steps[k].first, second = steps[k].second;
        const operand *a = p->out + first, *b = p->out + (second < 0 ? first : second);
        const int64_t a_at = r->at.out[first] + from * a->class_stride;
        const int64_t b_at = second < 0 ? 0 : r->at.out[second] + from * b->class_stride;
        loop.first = as_target(p, first, a_at, a->class_stride, n, &r->buffers->first);
        if (second >= 0) loop.second = as_target(p, second, b_at, b->class_stride, n, &r->buffers->second);
        p->set->rows_along[steps[k].loop](&loop);
        if (second >= 0) store_target(p, second, b_at, b->class_stride, n, loop.second);
        store_target(p, first, a_at, a->class_stride, n, loop.first);
    }
}

static row row_at(const problem *p, const cut *c, const block *b, int64_t i, tiles *buffers) {
    row r;
    r.p = p;
    r.c = c;
    r.at = *b;
    r.at.n = 1;
    pyce_advance(p, &r.at, i);
    r.buffers = buffers;
    return r;
}

static void label_states(const problem *p, const block *b, scratch *s) {
    int64_t i;
    if (is_sparse(p)) read_labels(p, b, s->index);
    for (i = 0; i < b->n; i++) s->states.at_label[i] = is_sparse(p) ? logit_at(p, b, i, s->index[i]) : 0.0;
}

static void do_many_classes(const problem *p, const block *b) {
    const cut c = cut_row(p);
    scratch s;
    tiles buffers;
    row_states segments;
    int64_t i, k;
    label_states(p, b, &s);
    for (i = 0; i < b->n; i++) {
        const row r = row_at(p, &c, b, i, &buffers);
        if (c.tiles == 1) {
            tile_state(&r, 0, &s.states, i);
        } else {
            for (k = 0; k < c.segments; k++) segment_state(&r, k, &segments, k);
            p->set->combine(&segments, c.segments, &s.states, i, is_dense(p));
        }
    }
    if (c.tiles == 1) p->set->normalise(&s.states, 0, b->n);
    finish_losses(p, b, &s);
    if (!wants_second_pass(p)) return;
    p->set->constants(&s.states, b->n, is_dense(p), &s.constants);
    for (i = 0; i < b->n; i++) {
        const row r = row_at(p, &c, b, i, &buffers);
        for (k = 0; k < c.tiles; k++) write_tile(&r, k, is_sparse(p) ? s.index[i] : -1, &s.constants, i);
    }
}

/* Few long rows: the threads share each row -------------------------------------------------------------------- */

typedef struct long_row {
    const problem *p;
    const cut *c;
    block at;
    row_states segments;
    const scratch *shared; /* index label and constants, of one row */
} long_row;

static void do_segment_state(void *context, int64_t i) {
    long_row *l = (long_row *)context;
    tiles buffers;
    const row r = row_at(l->p, l->c, &l->at, 0, &buffers);
    segment_state(&r, i, &l->segments, i);
}

static void do_segment_outputs(void *context, int64_t i) {
    long_row *l = (long_row *)context;
    tiles buffers;
    const row r = row_at(l->p, l->c, &l->at, 0, &buffers);
    const int64_t first = i * l->c->segment_tiles, after = first + l->c->segment_tiles;
    int64_t k;
    for (k = first; k < after && k < l->c->tiles; k++) {
        write_tile(&r, k, is_sparse(l->p) ? l->shared->index[0] : -1, &l->shared->constants, 0);
    }
}

static void do_long_row(const problem *p, const cut *c, const block *b) {
    scratch s;
    long_row l;
    l.p = p;
    l.c = c;
    l.at = *b;
    l.shared = &s;
    label_states(p, b, &s);
    pyce_parallel_for(do_segment_state, &l, c->segments, p->threads);
    p->set->combine(&l.segments, c->segments, &s.states, 0, is_dense(p));
    finish_losses(p, b, &s);
    if (!wants_second_pass(p)) return;
    p->set->constants(&s.states, 1, is_dense(p), &s.constants);
    pyce_parallel_for(do_segment_outputs, &l, c->segments, p->threads);
}

void pyce_run_rows(const problem *p) {
    const int64_t rows = p->outer * p->inner;
    if (p->classes <= LANE_CLASSES) {
        const int64_t length = matrix_rows(p), pieces = LANES_ELEMENTS / (length * p->classes);
        pyce_for_blocks(p, pieces > 1 ? pieces * length : length, do_few_classes);
    } else {
        const cut c = cut_row(p);
        const int64_t fit = BLOCK_BYTES / (p->classes * p->set->size);
        int64_t i;
        if (p->threads > 1 && c.segments > 1 && rows < 2 * (int64_t)p->threads) {
            for (i = 0; i < rows; i++) {
                const block b = pyce_block_at(p, i / p->inner, i % p->inner, 1);
                do_long_row(p, &c, &b);
            }
            return;
        }
        pyce_for_blocks(p, fit < 1 ? 1 : (fit > BLOCK_ROWS ? BLOCK_ROWS : fit), do_many_classes);
    }
}
