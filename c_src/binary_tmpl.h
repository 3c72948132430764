/* binary_tmpl.h: the element-wise loops of the sigmoid and weighted losses. Template, see formulas_tmpl.h. */

/* A double in two terms of the compute type; `rest` is what the double itself lost. */
PYCE_INLINE void NAME(split)(double value, double rest, real *hi, real *lo) {
    *hi = (real)value;
    *lo = (real)((value - (double)*hi) + rest);
}

/* u = 1 - z, v = q z, w = u + v, formed in double whatever the compute type: a label 1 - 1e-12 must not become 1. */
PYCE_INLINE void NAME(coefficients_body)(const binary_labels *from, int64_t n, const coefficient_tiles *to,
                                         const int weighted) {
    const double *restrict z = from->z, *restrict q = from->q;
    real *restrict u = (real *)to->u, *restrict u_lo = (real *)to->u_lo;
    real *restrict v = (real *)to->v, *restrict v_lo = (real *)to->v_lo;
    real *restrict w = (real *)to->w, *restrict w_lo = (real *)to->w_lo;
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        const double weight = weighted ? q[i] : 1.0, product = weight * z[i];
        const int zero = ((z[i] == 0.0) | (weight == 0.0)) & (z[i] == z[i]) & (weight == weight);
        const double positive = zero ? 0.0 : product;
        const double positive_lo = weighted ? finite_or_zero(product_error(weight, z[i], product)) : 0.0;
        const double negative = 1.0 - z[i], negative_lo = finite_or_zero((1.0 - negative) - z[i]);
        const two sum = two_sum(negative, positive);
        NAME(split)(negative, negative_lo, u + i, u_lo + i);
        NAME(split)(positive, positive_lo, v + i, v_lo + i);
        NAME(split)(sum.hi, finite_or_zero(sum.lo + (negative_lo + positive_lo)), w + i, w_lo + i);
    }
}

/* The same with smoothed labels and weights, or the derivatives of u and v by z: -1 and q. q and weight are there. */
PYCE_INLINE void NAME(coefficients_general)(const binary_labels *from, int64_t n, const coefficient_tiles *to,
                                            const int slopes) {
    const double *restrict z = from->z, *restrict q = from->q, *restrict weight = from->weight;
    const two shift = two_of(slopes ? 0.0 : from->z_shift, 0.0);
    const two z_scale = two_of(from->z_scale, from->z_scale_lo), scale = two_of(from->scale, from->scale_lo);
    real *restrict u = (real *)to->u, *restrict u_lo = (real *)to->u_lo;
    real *restrict v = (real *)to->v, *restrict v_lo = (real *)to->v_lo;
    real *restrict w = (real *)to->w, *restrict w_lo = (real *)to->w_lo;
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        const double minus = slopes ? -1.0 : 1.0 - z[i], label = slopes ? 1.0 : z[i];
        const double minus_lo = slopes ? 0.0 : finite_or_zero((1.0 - minus) - z[i]);
        const two negative = two_add(safe_product(two_of(minus, minus_lo), z_scale), shift);
        const two positive = two_add(safe_product(two_of(label, 0.0), z_scale), shift);
        const two factor = safe_product(two_of(weight[i], 0.0), scale);
        const int zero = ((positive.hi == 0.0) | (q[i] == 0.0)) & (positive.hi == positive.hi) & (q[i] == q[i]);
        const two product = safe_product(safe_product(positive, two_of(q[i], 0.0)), factor);
        const two left = safe_product(negative, factor);
        const two right = two_of(zero ? 0.0 : product.hi, zero ? 0.0 : product.lo);
        const two sum = two_add(left, right);
        NAME(split)(left.hi, left.lo, u + i, u_lo + i);
        NAME(split)(right.hi, right.lo, v + i, v_lo + i);
        NAME(split)(sum.hi, sum.lo, w + i, w_lo + i);
    }
}

static void NAME(coefficients_of)(const binary_labels *from, int64_t n, const coefficient_tiles *to) {
    if (from->slopes) NAME(coefficients_general)(from, n, to, 1);
    else if (from->weight) NAME(coefficients_general)(from, n, to, 0);
    else if (from->q) NAME(coefficients_body)(from, n, to, 1);
    else NAME(coefficients_body)(from, n, to, 0);
}

PYCE_INLINE real NAME(finite_or_none)(real x) {
    return x - x == (real)0 ? x : (real)0;
}

/* The coefficients times a scale in two terms; the same bits for a scale of 1 */
PYCE_INLINE NAME(coefficients) NAME(scaled_coefficients)(NAME(coefficients) k, real scale, real scale_lo) {
    NAME(coefficients) r;
    r.u = k.u * scale;
    r.u_lo = NAME(finite_or_none)(NAME(product_low)(k.u, k.u_lo, scale, scale_lo, r.u));
    r.v = k.v * scale;
    r.v_lo = NAME(finite_or_none)(NAME(product_low)(k.v, k.v_lo, scale, scale_lo, r.v));
    r.w = k.w * scale;
    r.w_lo = NAME(finite_or_none)(NAME(product_low)(k.w, k.w_lo, scale, scale_lo, r.w));
    return r;
}

/* `which` and `plain` are constants where this is inlined. plain: labels of the compute type and no positive weight,
 * taken as they are. */
PYCE_INLINE void NAME(binary_body)(const binary_loop *loop, const int which, const int plain) {
    const real *restrict xs = (const real *)loop->x;
    const real *restrict zs = (const real *)loop->labels;
    const coefficient_tiles *from = &loop->coefficients;
    const real *restrict us = (const real *)from->u, *restrict us_lo = (const real *)from->u_lo;
    const real *restrict vs = (const real *)from->v, *restrict vs_lo = (const real *)from->v_lo;
    const real *restrict ws = (const real *)from->w, *restrict ws_lo = (const real *)from->w_lo;
    real *restrict loss = (real *)loop->loss;
    real *restrict grad = (real *)loop->grad;
    real *restrict hess = (real *)loop->hess;
    const real scale = (real)loop->scale;
    const real scale_lo = (real)((loop->scale - (double)scale) + loop->scale_lo);
    const int64_t n = loop->n;
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        const real x = xs[i];
        const NAME(binary) b = NAME(binary_of)(x);
        if (which == BINARY_LOG_PROB) {
            loss[i] = -NAME(binary_loss)(b, x, NAME(plain_coefficients)((real)1), 1);
        } else if (which == BINARY_PROB) {
            loss[i] = NAME(binary_prob)(b, NAME(sigma_of)(b), x);
        } else {
            NAME(coefficients) k;
            if (plain) {
                k = NAME(plain_coefficients)(zs[i]);
            } else {
                k.u = us[i];
                k.u_lo = us_lo[i];
                k.v = vs[i];
                k.v_lo = vs_lo[i];
                k.w = ws[i];
                k.w_lo = ws_lo[i];
            }
            if (which & BINARY_LOSS) loss[i] = NAME(binary_loss)(b, x, k, plain);
            if (which & (BINARY_GRAD | BINARY_HESS)) {
                const NAME(sigma) s = NAME(sigma_of)(b);
                if (!plain) k = NAME(scaled_coefficients)(k, scale, scale_lo);
                if (which & BINARY_GRAD) grad[i] = NAME(binary_grad)(b, s, x, k);
                if (which & BINARY_HESS) hess[i] = NAME(binary_hess)(b, s, k);
            }
        }
    }
}

/* Small functions, one per set of outputs: in one function of all cases clang stops vectorising. */
#define BINARY_LOOP(which)                                      \
    static void NAME(binary_##which)(const binary_loop *loop) { \
        if (loop->labels) NAME(binary_body)(loop, which, 1);    \
        else NAME(binary_body)(loop, which, 0);                 \
    }
BINARY_LOOP(1)
BINARY_LOOP(2)
BINARY_LOOP(3)
BINARY_LOOP(4)
BINARY_LOOP(5)
BINARY_LOOP(6)
BINARY_LOOP(7)
#undef BINARY_LOOP

static void NAME(binary_prob_loop)(const binary_loop *loop) {
    NAME(binary_body)(loop, BINARY_PROB, 1);
}

static void NAME(binary_log_prob_loop)(const binary_loop *loop) {
    NAME(binary_body)(loop, BINARY_LOG_PROB, 1);
}
