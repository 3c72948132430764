/* binary_tmpl.h: the element-wise loops of the sigmoid and weighted losses. Template, see formulas_tmpl.h. */

/* u = 1 - z, v = q z, w = u + v, formed in double and rounded once; q == NULL means 1. */
static void NAME(binary_labels)(const double *restrict z, const double *restrict q, int64_t n, void *u_data,
                                void *v_data, void *w_data) {
    real *restrict u = (real *)u_data;
    real *restrict v = (real *)v_data;
    real *restrict w = (real *)w_data;
    int64_t i;
    if (q) {
        PYCE_SIMD
        for (i = 0; i < n; i++) {
            const int zero = (z[i] == 0.0) | (q[i] == 0.0), number = (z[i] == z[i]) & (q[i] == q[i]);
            const double positive = zero & number ? 0.0 : q[i] * z[i];
            u[i] = (real)(1.0 - z[i]);
            v[i] = (real)positive;
            w[i] = (real)((1.0 - z[i]) + positive);
        }
    } else {
        PYCE_SIMD
        for (i = 0; i < n; i++) {
            u[i] = (real)(1.0 - z[i]);
            v[i] = (real)z[i];
            w[i] = (real)1 + (real)(z[i] - z[i]); /* u + v, exactly; NaN for NaN */
        }
    }
}

/* u = 1 - z and w = 1 for labels of the compute type, which serve as v themselves */
static void NAME(binary_complement)(const void *z_data, int64_t n, void *u_data, void *w_data) {
    const real *restrict z = (const real *)z_data;
    real *restrict u = (real *)u_data;
    real *restrict w = (real *)w_data;
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        u[i] = (real)1 - z[i];
        w[i] = (real)1 + (z[i] - z[i]);
    }
}

/* `which` is a constant where this is inlined. */
PYCE_INLINE void NAME(binary_body)(const binary_loop *loop, const int which) {
    const real *restrict xs = (const real *)loop->x;
    const real *restrict us = (const real *)loop->u;
    const real *restrict vs = (const real *)loop->v;
    const real *restrict ws = (const real *)loop->w;
    real *restrict loss = (real *)loop->loss;
    real *restrict grad = (real *)loop->grad;
    real *restrict hess = (real *)loop->hess;
    const int64_t n = loop->n;
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        const real x = xs[i];
        const NAME(binary) b = NAME(binary_of)(x);
        if (which == BINARY_LOG_PROB) {
            loss[i] = -NAME(binary_loss)(b, x, (real)0, (real)1, (real)1);
        } else if (which == BINARY_PROB) {
            loss[i] = NAME(binary_prob)(b, NAME(sigma_of)(b), x);
        } else {
            const real u = us[i], v = vs[i], w = ws[i];
            if (which & BINARY_LOSS) loss[i] = NAME(binary_loss)(b, x, u, v, w);
            if (which & (BINARY_GRAD | BINARY_HESS)) {
                const NAME(sigma) s = NAME(sigma_of)(b);
                if (which & BINARY_GRAD) grad[i] = NAME(binary_grad)(b, s, x, u, v);
                if (which & BINARY_HESS) hess[i] = NAME(binary_hess)(b, s, w);
            }
        }
    }
}

#define BINARY_LOOP(which)                                    \
    static void NAME(binary_##which)(const binary_loop *loop) { \
        NAME(binary_body)(loop, which);                       \
    }
BINARY_LOOP(1)
BINARY_LOOP(2)
BINARY_LOOP(3)
BINARY_LOOP(4)
BINARY_LOOP(5)
BINARY_LOOP(6)
BINARY_LOOP(7)
BINARY_LOOP(8)
BINARY_LOOP(9)
#undef BINARY_LOOP
