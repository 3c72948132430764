/* states_tmpl.h: the loops that reduce rows to row_states, and what is computed from those per row. Template, see
 * formulas_tmpl.h.
 *
 * Sums along a row run in SUM_LANES fixed lanes, whatever the vector length, so their order is the same on every
 * instruction set. Every term enters a wider accumulator as it is: double in float32, two doubles in float64. Adding
 * four float32 terms first would be a tenth faster in cache and cost up to 2.85 ulp; pairs in float64, 2.07. */

typedef struct NAME(accumulators) {
    double sum[SUM_LANES], low[SUM_LANES];
} NAME(accumulators);

/* The last n < SUM_LANES logits, and -inf. */
PYCE_INLINE void NAME(pad_tail)(real *restrict tail, const real *restrict x, int64_t n) {
    int j;
    for (j = 0; j < SUM_LANES; j++) tail[j] = j < n ? x[j] : -(real)INFINITY;
}

PYCE_INLINE void NAME(raise_maxima)(real *max, const real *x) {
    int j;
    PYCE_SIMD
    for (j = 0; j < SUM_LANES; j++) max[j] = x[j] > max[j] ? x[j] : max[j];
}

PYCE_NOINLINE real NAME(max_of)(const real *x, int64_t n) {
    real max[SUM_LANES];
    int64_t i;
    int j;
    for (j = 0; j < SUM_LANES; j++) max[j] = -(real)INFINITY;
    for (i = 0; i + SUM_LANES <= n; i += SUM_LANES) NAME(raise_maxima)(max, x + i);
    if (n < SUM_LANES) {
        real tail[SUM_LANES];
        NAME(pad_tail)(tail, x, n);
        NAME(raise_maxima)(max, tail);
    } else if (i < n) {
        NAME(raise_maxima)(max, x + n - SUM_LANES);
    }
    HALVE(NAME(halve_maxima), max);
    return max[0];
}

/* The terms of SUM_LANES logits: 0 for those equal to max, which are counted. With `keep` the tails too. */
PYCE_INLINE void NAME(terms_of)(const real *x, real max, NAME(reference) ref, real *term, real *count, real *kept,
                                const int keep) {
    int j;
    PYCE_SIMD
    for (j = 0; j < SUM_LANES; j++) {
        const real x_j = x[j], more = count[j] + (real)1;
        const NAME(reduced) e = NAME(reduce)(x_j - ref.shift);
        term[j] = NAME(term_of)(e, x_j, max, ref.limit, ref.offset);
        count[j] = x_j == max ? more : count[j];
        if (keep) kept[j] = e.tail;
    }
}

/* Adds SUM_TERMS terms, of four times SUM_LANES logits. */
PYCE_INLINE void NAME(add_terms)(const real *term, double *sum, double *low) {
    const real *a = term, *b = a + SUM_LANES, *c = b + SUM_LANES, *d = c + SUM_LANES;
    int j;
    PYCE_SIMD
    for (j = 0; j < SUM_LANES; j++) {
        if (WIDE) {
            NAME(accumulate)(sum + j, low + j, a[j]);
            NAME(accumulate)(sum + j, low + j, b[j]);
            NAME(accumulate)(sum + j, low + j, c[j]);
            NAME(accumulate)(sum + j, low + j, d[j]);
        } else {
            sum[j] += ((double)a[j] + (double)b[j]) + ((double)c[j] + (double)d[j]);
        }
    }
}

/* What the loops over a block of rows need of each. */
typedef struct PYCE_ALIGNED NAME(references) {
    real max[BLOCK_ROWS], shift[BLOCK_ROWS], limit[BLOCK_ROWS];
    real_bits offset[BLOCK_ROWS];
} NAME(references);

/* The others from the maxima. */
PYCE_INLINE void NAME(find_references)(NAME(references) *refs, int64_t rows) {
    int64_t r;
    PYCE_SIMD
    for (r = 0; r < rows; r++) {
        const NAME(reference) ref = NAME(reference_of)(refs->max[r]);
        refs->shift[r] = ref.shift;
        refs->limit[r] = ref.limit;
        refs->offset[r] = ref.offset;
    }
}

/* How far ahead the next tile stands: fetched meanwhile, long rows from memory take 0.8 of the time, with dense labels
 * 0.85 in cache too. */
PYCE_INLINE int64_t NAME(ahead_of)(const rows_loop *loop, int64_t batch, int64_t step) {
    return loop->count > 1 ? batch * step : loop->classes;
}

/* One tile of one row, lanes along the row: row i of the loop, r of a batch. `rest` is left in the scale of the
 * exponentials, see normalise. */
PYCE_INLINE void NAME(sum_body)(row_states *states, int64_t place, const rows_loop *loop, int64_t i, int64_t batch,
                                const NAME(references) *refs, int64_t r, const int keep) {
    const int64_t n = loop->classes, ahead = NAME(ahead_of)(loop, batch, loop->x_step);
    const int64_t kept_ahead = NAME(ahead_of)(loop, batch, loop->first_step);
    const real *x = (const real *)loop->x + i * loop->x_step;
    const real max = refs->max[r];
    NAME(reference) ref;
    NAME(accumulators) acc;
    real count[SUM_LANES], term[SUM_TERMS], spare[SUM_LANES];
    real *kept = keep ? (real *)loop->first + i * loop->first_step : spare;
    two sum;
    int64_t c, k;
    int j;
    ref.shift = refs->shift[r];
    ref.limit = refs->limit[r];
    ref.offset = refs->offset[r];
    memset(&acc, 0, sizeof acc);
    for (j = 0; j < SUM_LANES; j++) count[j] = 0;
    for (c = 0; c + SUM_TERMS <= n; c += SUM_TERMS) {
        NAME(fetch)(x + c, ahead, SUM_TERMS);
        if (keep) NAME(fetch)(kept + c, kept_ahead, SUM_TERMS);
        for (k = 0; k < SUM_TERMS; k += SUM_LANES) {
            NAME(terms_of)(x + c + k, max, ref, term + k, count, keep ? kept + c + k : kept, keep);
        }
        NAME(add_terms)(term, acc.sum, acc.low);
    }
    if (c < n) {
        memset(term, 0, sizeof term);
        for (k = 0; c + SUM_LANES <= n; c += SUM_LANES) {
            NAME(terms_of)(x + c, max, ref, term + k, count, keep ? kept + c : kept, keep);
            k += SUM_LANES;
        }
        if (c < n) {
            real tail[SUM_LANES];
            NAME(pad_tail)(tail, x + c, n - c);
            NAME(terms_of)(tail, max, ref, term + k, count, spare, keep);
            if (keep) memcpy(kept + c, spare, (size_t)(n - c) * sizeof *kept);
        }
        NAME(add_terms)(term, acc.sum, acc.low);
    }
    HALVE(NAME(halve_counts), count);
    sum = NAME(fold)(acc.sum, acc.low);
    states->max[place] = max;
    states->count[place] = count[0];
    states->rest[place] = sum.hi;
    states->rest_lo[place] = sum.lo;
    states->shift[place] = ref.shift;
}

PYCE_NOINLINE void NAME(sum_along)(row_states *states, int64_t place, const rows_loop *loop, int64_t i, int64_t batch,
                                   const NAME(references) *refs, int64_t r) {
    NAME(sum_body)(states, place, loop, i, batch, refs, r, 0);
}

PYCE_NOINLINE void NAME(sum_keeping)(row_states *states, int64_t place, const rows_loop *loop, int64_t i,
                                     int64_t batch, const NAME(references) *refs, int64_t r) {
    NAME(sum_body)(states, place, loop, i, batch, refs, r, 1);
}

/* Rows, or one tile of a row, in batches that stay in L1: the maxima of a batch, then its sums, then its labels. Row
 * after row each sum would wait for its maximum: with 200 classes losses take 0.9 of the time so. */
static void NAME(state_along)(row_states *states, int64_t place, const rows_loop *loop) {
    const real *x = (const real *)loop->x, *t = (const real *)loop->labels;
    const int64_t n = loop->classes, fit = TILE_BYTES / (n * (int64_t)sizeof *x);
    const int64_t batch = fit < BLOCK_ROWS ? fit : BLOCK_ROWS; /* at least 1: a tile fits */
    NAME(references) refs;
    int64_t first, r;
    for (first = 0; first < loop->count; first += batch) {
        const int64_t count = first + batch < loop->count ? batch : loop->count - first;
        for (r = 0; r < count; r++) refs.max[r] = NAME(max_of)(x + (first + r) * loop->x_step, n);
        NAME(find_references)(&refs, count);
        for (r = 0; r < count; r++) {
            const int64_t i = first + r;
            if (loop->kept) NAME(sum_keeping)(states, place + i, loop, i, count, &refs, r);
            else NAME(sum_along)(states, place + i, loop, i, count, &refs, r);
        }
        for (r = 0; t && r < count; r++) {
            const int64_t i = first + r, ahead = NAME(ahead_of)(loop, count, loop->labels_step);
            NAME(label_state)(states, place + i, x + i * loop->x_step, t + i * loop->labels_step, n, ahead);
        }
    }
}

/* The maxima of rows that are lanes, in a matrix (classes, rows). */
PYCE_INLINE void NAME(find_maxima)(NAME(references) *refs, const real *x, int64_t classes, int64_t rows) {
    int64_t c, r;
    for (r = 0; r < rows; r += VECTOR_ROWS) {
        real max[VECTOR_ROWS];
        int j;
        for (j = 0; j < VECTOR_ROWS; j++) max[j] = -(real)INFINITY;
        for (c = 0; c < classes; c++) NAME(raise_maxima)(max, x + c * rows + r);
        memcpy(refs->max + r, max, sizeof max);
    }
}

/* The states of VECTOR_ROWS rows, a lane each, from `place` on; x stands at them in a matrix (classes, rows). The
 * accumulators stay in registers. */
PYCE_INLINE void NAME(state_strip)(row_states *states, int64_t place, const real *x, const NAME(references) *refs,
                                   int64_t classes, int64_t rows) {
    const real *max = refs->max + place, *shift = refs->shift + place, *limit = refs->limit + place;
    const real_bits *offset = refs->offset + place;
    NAME(accumulators) acc;
    real count[VECTOR_ROWS], term[VECTOR_ROWS];
    int64_t c;
    int r;
    for (r = 0; r < VECTOR_ROWS; r++) acc.sum[r] = acc.low[r] = count[r] = 0;
    for (c = 0; c < classes; c++) {
        const real *xc = x + c * rows;
        PYCE_SIMD
        for (r = 0; r < VECTOR_ROWS; r++) {
            const real x_c = xc[r], top = max[r], lowest = limit[r];
            const NAME(reduced) e = NAME(reduce)(x_c - shift[r]);
            term[r] = NAME(term_of)(e, x_c, top, lowest, offset[r]);
        }
        PYCE_SIMD
        for (r = 0; r < VECTOR_ROWS; r++) count[r] += xc[r] == max[r] ? (real)1 : (real)0;
        PYCE_SIMD
        for (r = 0; r < VECTOR_ROWS; r++) NAME(accumulate)(acc.sum + r, acc.low + r, term[r]);
    }
    for (r = 0; r < VECTOR_ROWS; r++) {
        states->max[place + r] = max[r];
        states->count[place + r] = count[r];
        states->rest[place + r] = acc.sum[r];
        if (WIDE) states->rest_lo[place + r] = acc.low[r];
    }
}

static void NAME(state_lanes)(row_states *states, const void *x_data, const void *t_data, int64_t classes,
                              int64_t rows) {
    const real *x = (const real *)x_data, *t = (const real *)t_data;
    NAME(references) refs;
    int64_t r;
    NAME(find_maxima)(&refs, x, classes, rows);
    NAME(find_references)(&refs, rows);
    for (r = 0; r < rows; r += VECTOR_ROWS) {
        NAME(state_strip)(states, r, x + r, &refs, classes, rows);
        if (t) NAME(label_strip)(states, r, x + r, t + r, refs.max + r, classes, rows);
    }
}

/* exp(-r_max), where r_max = max - shift - k ln 2 is the part of max that the scaled exponentials did not divide out.
 * An infinite maximum gives 1. */
PYCE_INLINE two NAME(centre_of)(real max) {
    const real centred = max - NAME(reference_of)(max).shift;
    const double m = centred - centred == (real)0 ? (double)centred : 0.0;
    const double k = (double)(real)(FMA((real)m, INV_LN2, SHIFTER) - SHIFTER);
    const double r = m - k * LN2_HI_F64;
    return exp_reduced(WIDE ? two_of(-r, k * LN2_LO_F64) : two_of(-(r - k * LN2_LO_F64), 0.0), WIDE);
}

/* rest, as left by the loops above, to row_states' scale. The factor is kept: the constants need it again. */
static void NAME(normalise)(row_states *states, int64_t first, int64_t n) {
    int64_t i;
    PYCE_SIMD
    for (i = first; i < n; i++) {
        const two factor = NAME(centre_of)((real)states->max[i]);
        const two rest = multiply(two_of(states->rest[i], states->rest_lo[i]), factor, WIDE);
        states->factor[i] = factor.hi;
        states->rest[i] = rest.hi * ACC_TO_REST;
        if (WIDE) {
            states->factor_lo[i] = factor.lo;
            states->rest_lo[i] = rest.lo * ACC_TO_REST;
        }
    }
}

/* exp(max_i - max) of one state against the greatest, and the label terms that move with it */
PYCE_INLINE two NAME(demoted)(const row_states *states, int64_t i, double max) {
    two d, e, mass;
    if (states->max[i] == max) return two_of(states->rest[i], states->rest_lo[i]);
    d = WIDE ? two_sum(states->max[i], -max) : two_of(states->max[i] - max, 0.0);
    if (!(d.lo - d.lo == 0.0)) d.lo = 0.0; /* an infinite maximum */
    e = exp_negative(d, REST_BIAS, WIDE);
    mass = add(two_of(states->count[i], 0.0),
               two_of(states->rest[i] / REST_ONE, states->rest_lo[i] / REST_ONE), WIDE);
    return multiply(mass, e, WIDE);
}

/* mass (max - x) for the label mass of a piece whose maximum is x; halved where the difference could overflow */
PYCE_INLINE two NAME(moved)(two mass, double max, double x) {
    const double half = max > 0x1p1000 || x < -0x1p1000 ? 0.5 : 1.0;
    const two gap = WIDE ? two_sum(half * max, -half * x) : two_of(max - x, 0.0);
    two moved;
    if (mass.hi == 0.0) return two_of(0.0, 0.0);
    if (!(gap.hi - gap.hi == 0.0)) return two_of(mass.hi * gap.hi, 0.0);
    moved = multiply(mass, gap, WIDE);
    return WIDE ? two_of(moved.hi / half, moved.lo / half) : moved;
}

/* n states of pieces of one row, in order, to one. May work in place (to == states, place == 0). */
static void NAME(combine)(row_states *states, int64_t n, row_states *to, int64_t place, int32_t dense) {
    double max = -INFINITY, count = 0.0, shift = states->shift[0];
    two rest = two_of(0.0, 0.0), dot = rest, other = rest, top = rest, factor = rest;
    int64_t i;
    for (i = 0; i < n; i++) max = states->max[i] > max ? states->max[i] : max;
    for (i = 0; i < n; i++) {
        rest = add(rest, NAME(demoted)(states, i, max), WIDE);
        if (states->shift[i] != shift) shift = NAN;
        if (states->max[i] != max) continue;
        count += states->count[i];
        factor = two_of(states->factor[i], WIDE ? states->factor_lo[i] : 0.0);
    }
    for (i = 0; dense && i < n; i++) {
        const two below = two_of(states->other[i], states->other_lo[i]);
        const two level = two_of(states->top[i], states->top_lo[i]);
        dot = add(dot, two_of(states->dot[i], states->dot_lo[i]), WIDE);
        other = add(other, below, WIDE);
        if (states->max[i] == max) {
            top = add(top, level, WIDE);
        } else {
            other = add(other, level, WIDE);
            dot = add(dot, NAME(moved)(add(below, level, WIDE), max, states->max[i]), WIDE);
        }
    }
    to->max[place] = max;
    to->count[place] = count;
    to->rest[place] = rest.hi;
    to->rest_lo[place] = rest.lo;
    to->shift[place] = shift;
    to->factor[place] = factor.hi;
    to->factor_lo[place] = factor.lo;
    NAME(put_labels)(to, place, dot, other, top);
}
