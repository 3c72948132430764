/* tiled_rows.c: rows of many classes. Lanes run along the row, tile by tile; each tile leaves a state, states combine
 * in order into those of segments, segments into that of the row. Tiles and segments are fixed by the class count, so
 * it does not matter which thread does which. The phases are those of rows.c. */
#include "rows.h"

#include <string.h>

enum {
    MIN_SEGMENT_TILES = 32, /* a segment is worth a thread */
    BLOCK_BYTES = 131072    /* of logits in a block of rows: stays in L2 between the passes */
};

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

/* Rows in a block: as many as L2 holds between the passes. */
static int64_t many_classes_rows(const problem *p) {
    const int64_t fit = BLOCK_BYTES / (p->classes * p->set->size);
    return fit < 1 ? 1 : (fit > BLOCK_ROWS ? BLOCK_ROWS : fit);
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
    block at;      /* n == 1 */
    int64_t index; /* its index label, -1 without one */
    tiles *buffers;
} row;

static const void *tile_of(const row *r, int32_t which, int64_t i, void *buffer) {
    const operand *a = r->p->in + which;
    return as_compute_type(r->p, a, r->at.in[which] + i * r->c->tile * a->class_stride, a->class_stride,
                           tile_length(r->p, r->c, i), buffer);
}

/* The effective labels of one tile, if there are any for each class. */
static const void *labels_of(const row *r, int64_t i) {
    const problem *p = r->p;
    const int64_t first = i * r->c->tile, n = tile_length(p, r->c, i), at = r->index - first;
    const void *labels;
    labels = p->indexed ? NULL : tile_of(r, IN_LABELS, i, &r->buffers->labels);
    if (!p->blended) return labels;
    pyce_blend_labels(p, first, n, labels, &r->buffers->labels);
    if (p->indexed && r->index >= 0 && at >= 0 && at < n) {
        p->set->put(&r->buffers->labels, at, pyce_index_label(p, r->index));
    }
    return &r->buffers->labels;
}

static void tile_state(const row *r, int64_t i, row_states *states, int64_t place) {
    const problem *p = r->p;
    const operand *grad = p->out + OUT_GRAD;
    rows_loop loop = {0};
    loop.labels = p->dense ? labels_of(r, i) : NULL;
    loop.x = tile_of(r, IN_LOGITS, i, &r->buffers->x);
    loop.kept = pyce_keeps(p);
    if (loop.kept) loop.first = output_at(grad, r->at.out[OUT_GRAD] + i * r->c->tile * grad->class_stride);
    loop.classes = tile_length(p, r->c, i);
    loop.count = 1;
    p->set->state_along(states, place, &loop);
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
            r->p->set->combine(&batch, n, to, place, r->p->dense);
            return;
        }
        r->p->set->combine(&batch, n, &batch, 0, r->p->dense);
        held = 1;
    }
}

/* What a step needs beside the tile itself: where to write, and the row's entry in the constants. */
static void write_tile_step(const row *r, int64_t i, const scratch *s, int64_t place, step now, const centre *mean) {
    const problem *p = r->p;
    const int64_t from = i * r->c->tile, n = tile_length(p, r->c, i), index = r->index - from;
    const int nothing = now.first == OUT_HVP && pyce_is_nothing(p, s, place);
    const int masked = nothing || (s->weights.keep[place] == 0.0 && is_masked_output(now.first));
    const operand *a = p->out + now.first, *b = p->out + (now.second < 0 ? now.first : now.second);
    const int64_t a_at = r->at.out[now.first] + from * a->class_stride;
    const int64_t b_at = now.second < 0 ? 0 : r->at.out[now.second] + from * b->class_stride;
    rows_loop loop = {0};
    loop.first = as_target(p, now.first, a_at, a->class_stride, n, &r->buffers->first);
    if (now.second >= 0) loop.second = as_target(p, now.second, b_at, b->class_stride, n, &r->buffers->second);
    if (masked) {
        memset(loop.first, 0, (size_t)(n * p->set->size));
        if (loop.second) memset(loop.second, 0, (size_t)(n * p->set->size));
    } else {
        loop.x = tile_of(r, IN_LOGITS, i, &r->buffers->x);
        loop.labels = p->dense && (now.first == OUT_GRAD || now.first == OUT_HESS) ? labels_of(r, i) : NULL;
        if (now.first == OUT_LABELS_GRAD && has_factors(p)) {
            pyce_fill_factors(p, from, n, &r->buffers->labels);
            loop.labels = &r->buffers->labels;
        }
        loop.index = p->indexed && !p->dense ? &index : NULL;
        loop.classes = n;
        loop.rows = place;
        loop.count = 1;
        loop.kept = pyce_keeps(p) && s->states.shift[place] == s->states.shift[place];
        loop.constants = &s->constants;
        p->set->rows_along[now.loop](&loop);
        if (now.first == OUT_HVP) {
            const void *vector = tile_of(r, IN_VECTOR, i, &r->buffers->labels);
            p->set->bend(loop.first, loop.first, vector, 1, n, mean, pyce_mass_of(p, s, place));
        }
    }
    if (now.second >= 0) store_target(p, now.second, b_at, b->class_stride, n, loop.second);
    store_target(p, now.first, a_at, a->class_stride, n, loop.first);
}

/* The vector at the first of the greatest logits, and its mean around that. */
static void find_centre(const row *r, const scratch *s, int64_t place, centre *mean) {
    const problem *p = r->p;
    const operand *vector = p->in + IN_VECTOR;
    int64_t i, top = -1;
    double best;
    mean->level = mean->mean[0] = mean->mean[1] = 0.0;
    if (!p->out[OUT_HVP].out) return;
    for (i = 0; i < r->c->tiles; i++) {
        p->set->argmax(tile_of(r, IN_LOGITS, i, &r->buffers->x), 1, tile_length(p, r->c, i), i * r->c->tile, &best,
                       &top);
    }
    if (top >= 0) {
        const int64_t offset = r->at.in[IN_VECTOR] + top * vector->class_stride;
        p->doubles->load[vector->dtype](&mean->level, input_at(vector, offset), 1, 1);
    }
    for (i = 0; i < r->c->tiles; i++) {
        rows_loop loop = {0};
        loop.x = tile_of(r, IN_LOGITS, i, &r->buffers->x);
        loop.first = &r->buffers->first;
        loop.classes = tile_length(p, r->c, i);
        loop.rows = place;
        loop.count = 1;
        loop.constants = &s->constants;
        p->set->rows_along[ROWS_PROB](&loop);
        p->set->dot(loop.first, tile_of(r, IN_VECTOR, i, &r->buffers->labels), 1, loop.classes, mean);
    }
}

/* The outputs of one tile of one row, whose constants stand at `place`. */
static void write_tile(const row *r, int64_t i, const scratch *s, int64_t place, const centre *mean) {
    int32_t k;
    for (k = 0; k < r->p->step_count; k++) write_tile_step(r, i, s, place, r->p->steps[k], mean);
}

static void find_correct(const row *r) {
    const problem *p = r->p;
    int64_t first = -1, label = -1, i;
    double best = 0.0, best_label = 0.0;
    for (i = 0; i < r->c->tiles; i++) {
        const int64_t from = i * r->c->tile, n = tile_length(p, r->c, i);
        p->set->argmax(tile_of(r, IN_LOGITS, i, &r->buffers->x), 1, n, from, &best, &first);
        if (p->indexed) continue;
        p->set->argmax(tile_of(r, IN_LABELS, i, &r->buffers->labels), 1, n, from, &best_label, &label);
    }
    pyce_store_correct(p, &r->at, 0, p->indexed ? r->index : label, first);
}

static row first_row(const problem *p, const cut *c, const block *b, tiles *buffers) {
    row r;
    r.p = p;
    r.c = c;
    r.at = *b;
    r.at.n = 1;
    r.index = -1;
    r.buffers = buffers;
    return r;
}

static void find_states(const problem *p, const cut *c, const block *b, scratch *s, tiles *buffers) {
    row_states segments;
    row r = first_row(p, c, b, buffers);
    int64_t i, k;
    if (c->tiles == 1 && pyce_reads_at_once(p)) {
        const rows_loop loop = pyce_loop_over(p, b);
        p->set->state_along(&s->states, 0, &loop);
        return;
    }
    for (i = 0; i < b->n; i++, pyce_advance(p, &r.at, 1)) {
        r.index = s->index[i];
        if (c->tiles == 1) {
            tile_state(&r, 0, &s->states, i);
        } else {
            for (k = 0; k < c->segments; k++) segment_state(&r, k, &segments, k);
            p->set->combine(&segments, c->segments, &s->states, i, p->dense);
        }
    }
}

static void do_many_classes(const problem *p, const block *b, sums *to) {
    const cut c = cut_row(p);
    scratch s;
    tiles buffers;
    centre mean;
    row r;
    int64_t i, k;
    pyce_read_rows(p, b, b->n, &s);
    find_states(p, &c, b, &s, &buffers);
    if (p->out[OUT_CORRECT].out) {
        for (i = 0, r = first_row(p, &c, b, &buffers); i < b->n; i++, pyce_advance(p, &r.at, 1)) {
            r.index = s.index[i];
            find_correct(&r);
        }
    }
    if (c.tiles == 1) p->set->normalise(&s.states, 0, b->n);
    pyce_finish_rows(p, b, b->n, &s, to);
    if (p->step_count == 0) return;
    if (c.tiles == 1 && pyce_write_at_once(p, b, &s)) return;
    for (i = 0, r = first_row(p, &c, b, &buffers); i < b->n; i++, pyce_advance(p, &r.at, 1)) {
        r.index = s.index[i];
        find_centre(&r, &s, i, &mean);
        for (k = 0; k < c.tiles; k++) write_tile(&r, k, &s, i, &mean);
    }
}

/* Few long rows: the threads share each row -------------------------------------------------------------------- */

typedef struct long_row {
    const problem *p;
    const cut *c;
    block at;
    row_states segments;
    centre mean;
    scratch s; /* of one row */
} long_row;

static void do_segment_state(void *context, int64_t i) {
    long_row *l = (long_row *)context;
    tiles buffers;
    row r = first_row(l->p, l->c, &l->at, &buffers);
    r.index = l->s.index[0];
    segment_state(&r, i, &l->segments, i);
}

static void do_segment_outputs(void *context, int64_t i) {
    long_row *l = (long_row *)context;
    tiles buffers;
    const int64_t first = i * l->c->segment_tiles, after = first + l->c->segment_tiles;
    row r = first_row(l->p, l->c, &l->at, &buffers);
    int64_t k;
    r.index = l->s.index[0];
    for (k = first; k < after && k < l->c->tiles; k++) write_tile(&r, k, &l->s, 0, &l->mean);
}

static void do_long_row(const problem *p, const cut *c, const block *b, sums *to) {
    tiles buffers;
    long_row l;
    row r;
    l.p = p;
    l.c = c;
    l.at = *b;
    pyce_read_rows(p, b, b->n, &l.s);
    pyce_parallel_for(do_segment_state, &l, c->segments, p->threads);
    p->set->combine(&l.segments, c->segments, &l.s.states, 0, p->dense);
    r = first_row(p, c, b, &buffers);
    r.index = l.s.index[0];
    if (p->out[OUT_CORRECT].out) find_correct(&r);
    pyce_finish_rows(p, b, b->n, &l.s, to);
    if (p->step_count == 0) return;
    find_centre(&r, &l.s, 0, &l.mean);
    pyce_parallel_for(do_segment_outputs, &l, c->segments, p->threads);
}

/* Row by row; the sums as pyce_for_blocks takes them. */
PYCE_NOINLINE void do_long_rows(const problem *p, const cut *c, int64_t length, partial_sums *parts) {
    const int64_t rows = p->outer * p->inner;
    sums here;
    int64_t i;
    length = pyce_block_length(p, length);
    if (parts) parts->count = (rows + length - 1) / length;
    for (i = 0; i < rows; i++) {
        const block b = pyce_block_at(p, i / p->inner, i % p->inner, 1);
        if (i % length == 0) memset(&here, 0, sizeof here);
        do_long_row(p, c, &b, &here);
        if (parts && (i + 1 == rows || (i + 1) % length == 0)) {
            p->kernels->fold(&here, parts->hi + i / length, parts->lo + i / length);
        }
    }
}

void pyce_run_many_classes(const problem *p, partial_sums *parts) {
    const cut c = cut_row(p);
    const int64_t length = many_classes_rows(p), rows = p->outer * p->inner;
    if (p->threads > 1 && c.segments > 1 && rows < 2 * (int64_t)p->threads) do_long_rows(p, &c, length, parts);
    else pyce_for_blocks(p, length, length, do_many_classes, parts);
}
