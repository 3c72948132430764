/* labels_tmpl.h: sums in lanes, and what dense labels add to row_states with them. Template, see formulas_tmpl.h. */

/* The n elements that stand `ahead` elements further. */
PYCE_INLINE void NAME(fetch)(const real *here, int64_t ahead, const int n) {
    fetch((uintptr_t)here + (uintptr_t)ahead * sizeof *here, n * (int64_t)sizeof *here);
}

/* sum + low += term */
PYCE_INLINE void NAME(accumulate)(double *sum, double *low, double term) {
    if (WIDE) {
        const two s = two_sum(*sum, term);
        *sum = s.hi;
        *low += s.lo;
    } else {
        *sum += term;
    }
}

/* Lanes to one: halves added to halves, in four steps; sixteen that wait for each other took as long as 200 logits.
 * `width` is a constant where these are inlined. */
PYCE_INLINE void NAME(halve_sums)(double *hi, double *lo, const int width) {
    int j;
    for (j = 0; j < width; j++) {
        const two s = add(two_of(hi[j], lo[j]), two_of(hi[j + width], lo[j + width]), WIDE);
        hi[j] = s.hi;
        lo[j] = s.lo;
    }
}

PYCE_INLINE void NAME(halve_counts)(real *count, const int width) {
    int j;
    for (j = 0; j < width; j++) count[j] += count[j + width];
}

PYCE_INLINE void NAME(halve_maxima)(real *max, const int width) {
    int j;
    for (j = 0; j < width; j++) max[j] = max[j + width] > max[j] ? max[j + width] : max[j];
}

#define HALVE(function, ...)      \
    do {                          \
        function(__VA_ARGS__, 8); \
        function(__VA_ARGS__, 4); \
        function(__VA_ARGS__, 2); \
        function(__VA_ARGS__, 1); \
    } while (0)

/* The lanes are used up. */
PYCE_INLINE two NAME(fold)(double *sum, double *low) {
    HALVE(NAME(halve_sums), sum, low);
    return two_of(sum[0], low[0]);
}

/* Label sums of SUM_LANES lanes: dot, and the label mass off and on the maximum; that on it in `single` while the lane
 * has one maximum at most, which needs no wider sum. */
typedef struct NAME(label_sums) {
    double dot[SUM_LANES], dot_lo[SUM_LANES], other[SUM_LANES], other_lo[SUM_LANES];
    double top[SUM_LANES], top_lo[SUM_LANES];
    real single[SUM_LANES];
} NAME(label_sums);

/* gcc makes a slow string instruction of one memset. */
PYCE_INLINE void NAME(clear_labels)(NAME(label_sums) *sums) {
    int j;
    for (j = 0; j < SUM_LANES; j++) {
        sums->dot[j] = sums->dot_lo[j] = sums->other[j] = sums->other_lo[j] = sums->top[j] = sums->top_lo[j] = 0.0;
        sums->single[j] = 0;
    }
}

/* dot += t (max - x), for t the label of a logit below max; nothing where t is 0. In float64 max - x is halved
 * meanwhile: it could overflow where t (max - x) does not. */
PYCE_INLINE void NAME(add_distance)(double *dot, double *dot_lo, double t, double x, double max) {
    const double a = WIDE ? 0.5 * max : max, b = WIDE ? 0.5 * x : x;
    const double d = t == 0.0 ? 0.0 : a - b;
    if (WIDE) {
        const double p = t * d, back = a - d; /* what a - b and t d lost; nothing where d is infinite */
        const double lost = (a - (d + back)) + (back - b);
        const double low = product_error(t, d, p) + t * lost;
        NAME(accumulate)(dot, dot_lo, 2.0 * p);
        *dot_lo += t == 0.0 ? 0.0 : 2.0 * finite_or_zero(low);
    } else {
        *dot = FMA_F64(t, d, *dot);
    }
}

/* The labels t of SUM_LANES logits x; each lane has its maximum. `unique` a constant: 1 if no lane has more than one.
 * The same results either way, a third faster. */
PYCE_INLINE void NAME(add_labels)(NAME(label_sums) *sums, const real *x, const real *t, const real *max,
                                  const int unique) {
    real below[SUM_LANES], level[SUM_LANES];
    int j;
    PYCE_SIMD
    for (j = 0; j < SUM_LANES; j++) {
        const real label = t[j], top = max[j], x_j = x[j], before = sums->single[j];
        below[j] = x_j == top ? (real)0 : label;
        level[j] = x_j == top ? label : (real)0;
        if (unique) sums->single[j] = before + level[j];
    }
    PYCE_SIMD
    for (j = 0; j < SUM_LANES; j++) {
        NAME(add_distance)(sums->dot + j, sums->dot_lo + j, below[j], x[j], max[j]);
        NAME(accumulate)(sums->other + j, sums->other_lo + j, below[j]);
        if (!unique) NAME(accumulate)(sums->top + j, sums->top_lo + j, level[j]);
    }
}

PYCE_INLINE void NAME(put_labels)(row_states *states, int64_t place, two dot, two other, two top) {
    states->dot[place] = dot.hi;
    states->dot_lo[place] = dot.lo;
    states->other[place] = other.hi;
    states->other_lo[place] = other.lo;
    states->top[place] = top.hi;
    states->top_lo[place] = top.lo;
}

/* The label sums of a row from its lanes, which are used up. */
PYCE_NOINLINE void NAME(fold_labels)(row_states *states, int64_t place, NAME(label_sums) *sums) {
    const two dot = NAME(fold)(sums->dot, sums->dot_lo), other = NAME(fold)(sums->other, sums->other_lo);
    NAME(put_labels)(states, place, dot, other, NAME(fold)(sums->top, sums->top_lo));
}

PYCE_INLINE void NAME(label_state_body)(row_states *states, int64_t place, const real *x, const real *t, int64_t n,
                                        int64_t ahead, const int unique) {
    const real max = (real)states->max[place];
    NAME(label_sums) sums;
    real maxima[SUM_LANES];
    int64_t i;
    int j;
    NAME(clear_labels)(&sums);
    for (j = 0; j < SUM_LANES; j++) maxima[j] = max;
    for (i = 0; i + SUM_LANES <= n; i += SUM_LANES) {
        NAME(fetch)(t + i, ahead, SUM_LANES);
        NAME(add_labels)(&sums, x + i, t + i, maxima, unique);
    }
    if (i < n) {
        real x_tail[SUM_LANES], t_tail[SUM_LANES];
        for (j = 0; j < SUM_LANES; j++) {
            x_tail[j] = i + j < n ? x[i + j] : max;
            t_tail[j] = i + j < n ? t[i + j] : (real)0;
        }
        NAME(add_labels)(&sums, x_tail, t_tail, maxima, unique);
    }
    for (j = 0; j < SUM_LANES && unique; j++) sums.top[j] = sums.single[j];
    NAME(fold_labels)(states, place, &sums);
}

PYCE_NOINLINE void NAME(label_state_unique)(row_states *states, int64_t place, const real *x, const real *t, int64_t n,
                                            int64_t ahead) {
    NAME(label_state_body)(states, place, x, t, n, ahead, 1);
}

PYCE_NOINLINE void NAME(label_state_tied)(row_states *states, int64_t place, const real *x, const real *t, int64_t n,
                                          int64_t ahead) {
    NAME(label_state_body)(states, place, x, t, n, ahead, 0);
}

/* Once the maxima of the row are counted; `ahead` see fetch. */
PYCE_INLINE void NAME(label_state)(row_states *states, int64_t place, const real *x, const real *t, int64_t n,
                                   int64_t ahead) {
    if (states->count[place] == 1.0) NAME(label_state_unique)(states, place, x, t, n, ahead);
    else NAME(label_state_tied)(states, place, x, t, n, ahead);
}

/* The label sums of VECTOR_ROWS rows, a lane each, from `place` on; x and t stand at them in (classes, rows). */
PYCE_INLINE void NAME(label_strip_body)(row_states *states, int64_t place, const real *x, const real *t,
                                        const real *max, int64_t classes, int64_t rows, const int unique) {
    NAME(label_sums) sums;
    int64_t c;
    int r;
    NAME(clear_labels)(&sums);
    for (c = 0; c < classes; c++) NAME(add_labels)(&sums, x + c * rows, t + c * rows, max, unique);
    for (r = 0; r < VECTOR_ROWS; r++) {
        states->dot[place + r] = sums.dot[r];
        states->dot_lo[place + r] = sums.dot_lo[r];
        states->other[place + r] = sums.other[r];
        states->other_lo[place + r] = sums.other_lo[r];
        states->top[place + r] = unique ? sums.single[r] : sums.top[r];
        states->top_lo[place + r] = unique ? 0.0 : sums.top_lo[r];
    }
}

PYCE_NOINLINE void NAME(label_strip_unique)(row_states *states, int64_t place, const real *x, const real *t,
                                            const real *max, int64_t classes, int64_t rows) {
    NAME(label_strip_body)(states, place, x, t, max, classes, rows, 1);
}

PYCE_NOINLINE void NAME(label_strip_tied)(row_states *states, int64_t place, const real *x, const real *t,
                                          const real *max, int64_t classes, int64_t rows) {
    NAME(label_strip_body)(states, place, x, t, max, classes, rows, 0);
}

/* Once the maxima of the strip are counted. */
PYCE_INLINE void NAME(label_strip)(row_states *states, int64_t place, const real *x, const real *t, const real *max,
                                   int64_t classes, int64_t rows) {
    double most = 0.0;
    int r;
    for (r = 0; r < VECTOR_ROWS; r++) most = states->count[place + r] > most ? states->count[place + r] : most;
    if (most <= 1.0) NAME(label_strip_unique)(states, place, x, t, max, classes, rows);
    else NAME(label_strip_tied)(states, place, x, t, max, classes, rows);
}
