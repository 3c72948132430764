/* options_tmpl.h: what weights, masks, smoothing and sums add to the kernels. Template, see formulas_tmpl.h. */

static void NAME(clear)(void *data, const uint8_t *keep, int64_t n) {
    real *restrict x = (real *)data;
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) x[i] = keep[i] ? x[i] : (real)0;
}

/* Formed in double and rounded once; may work in place. `per_class` and `given` are constants where this is inlined. */
PYCE_INLINE void NAME(blend_body)(real *to, const real *t, const double *w, double alpha, double beta, int64_t n,
                                  const int per_class, const int given) {
    const double one = w[0];
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        const double label = given ? FMA_F64(alpha, (double)t[i], beta) : beta;
        to[i] = (real)((per_class ? w[i] : one) * label);
    }
}

static void NAME(blend)(void *to, const void *t, const double *w, int32_t per_class, double alpha, double beta,
                        int64_t n) {
    real *const out = (real *)to;
    const real *const labels = (const real *)t;
    if (per_class && labels) NAME(blend_body)(out, labels, w, alpha, beta, n, 1, 1);
    else if (per_class) NAME(blend_body)(out, NULL, w, alpha, beta, n, 1, 0);
    else if (labels) NAME(blend_body)(out, labels, w, alpha, beta, n, 0, 1);
    else NAME(blend_body)(out, NULL, w, alpha, beta, n, 0, 0);
}

static void NAME(put)(void *to, int64_t at, double value) {
    ((real *)to)[at] = (real)value;
}

static void NAME(argmax)(const void *data, int64_t stride, int64_t n, int64_t offset, double *best, int64_t *place) {
    const real *x = (const real *)data;
    int64_t i;
    if (*place == -2) return;
    for (i = 0; i < n; i++) {
        const double value = (double)x[i * stride];
        if (value != value) {
            *place = -2;
            return;
        }
        if (*place == -1 || value > *best) {
            *best = value;
            *place = offset + i;
        }
    }
}

/* The mean of v - level under the probabilities p, without what stands at the level: a row's winner would drown the
 * rest. In SUM_LANES lanes along a row (stride 1); in order for a row that is a lane. The shape decides which. */
static void NAME(dot)(const void *p_data, const void *v_data, int64_t stride, int64_t n, centre *c) {
    const real *p = (const real *)p_data, *v = (const real *)v_data;
    NAME(accumulators) acc;
    two s;
    int64_t i;
    memset(&acc, 0, sizeof acc);
    for (i = 0; i < n; i++) {
        const int64_t lane = i % SUM_LANES;
        const two gap = two_sum((double)v[i * stride], -c->level);
        const double a = (double)p[i * stride], product = a * gap.hi;
        NAME(accumulate)(acc.sum + lane, acc.low + lane, product);
        if (WIDE) acc.low[lane] += finite_or_zero(product_error(a, gap.hi, product) + a * gap.lo);
    }
    s = add(two_of(c->mean[0], c->mean[1]), NAME(fold)(acc.sum, acc.low), 1);
    c->mean[0] = s.hi;
    c->mean[1] = s.lo;
}

static void NAME(bend)(void *to, const void *p_data, const void *v_data, int64_t stride, int64_t n,
                       const centre *c, double scale) {
    const real *p = (const real *)p_data, *v = (const real *)v_data;
    real *out = (real *)to;
    int64_t i;
    for (i = 0; i < n; i++) {
        const two high = two_sum((double)v[i * stride], -c->level), gap = two_sum(high.hi, -c->mean[0]);
        const double low = finite_or_zero(gap.lo + (high.lo - c->mean[1]));
        out[i * stride] = (real)(scale * (double)p[i * stride] * (gap.hi + low));
    }
}

/* Whole groups of lanes in vectors; what stands before and after them in turn. Either way a lane adds its losses in
 * the order of their places. */
static void NAME(accumulate_losses)(sums *to, int64_t place, const void *data, int64_t n) {
    const real *x = (const real *)data;
    sums here = *to; /* apart from x, for the vectoriser */
    int64_t i = 0;
    int j;
    for (; i < n && (place + i) % SUM_LANES; i++) {
        const int64_t lane = (place + i) % SUM_LANES;
        NAME(accumulate)(here.hi + lane, here.lo + lane, x[i]);
    }
    for (; i + SUM_LANES <= n; i += SUM_LANES) {
        PYCE_SIMD
        for (j = 0; j < SUM_LANES; j++) NAME(accumulate)(here.hi + j, here.lo + j, x[i + j]);
    }
    for (; i < n; i++) {
        const int64_t lane = (place + i) % SUM_LANES;
        NAME(accumulate)(here.hi + lane, here.lo + lane, x[i]);
    }
    *to = here;
}

/* Everything of this compute type. */
#define KERNEL_SET                                                                                                  \
    {                                                                                                               \
        (int64_t)sizeof(real), BY_DTYPE(load), BY_DTYPE(store), BY_DTYPE(load_matrix), BY_DTYPE(store_matrix),      \
            BY_DTYPE(store_doubles), BY_DTYPE(pick), NAME(state_along), NAME(state_lanes), NAME(normalise),         \
            NAME(combine), NAME(totals), NAME(losses), NAME(constants),                                             \
            {NAME(along_grad), NAME(along_hess), NAME(along_grad_hess), NAME(along_prob), NAME(along_log_prob),     \
             NAME(along_labels_grad)},                                                                              \
            {NAME(lanes_grad), NAME(lanes_hess), NAME(lanes_grad_hess), NAME(lanes_prob), NAME(lanes_log_prob),     \
             NAME(lanes_labels_grad)},                                                                              \
            NAME(coefficients_of),                                                                                  \
            {NULL, NAME(binary_1), NAME(binary_2), NAME(binary_3), NAME(binary_4), NAME(binary_5), NAME(binary_6),  \
             NAME(binary_7), NAME(binary_prob_loop), NAME(binary_log_prob_loop)},                                   \
            NAME(clear), NAME(blend), NAME(put), NAME(argmax), NAME(dot), NAME(bend), NAME(accumulate_losses)       \
    }
