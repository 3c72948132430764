/* vmath.h: the arithmetic that does not depend on the compute type: compiler extensions, fused multiply-add, sums of
 * two doubles, and exp and log1p of the per-row scalars. Everything is inline and free of branches, so that loops over
 * it vectorise. Included by kernels.c only.
 *
 * "Two doubles" (hi, lo) stand for hi + lo with |lo| <= ulp(hi)/2. With `wide` a constant 0 the second is neither used
 * nor computed: that is the float32 instance, for which one double is enough. */
#ifndef PYCE_VMATH_H
#define PYCE_VMATH_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "coefficients.h"

#if defined(__FAST_MATH__)
#error "fast math gives up what this library is for: -fno-fast-math"
#endif
#if FLT_EVAL_METHOD != 0
#error "float and double must be computed as such: -fexcess-precision=fast, on 32-bit x86 -msse2 -mfpmath=sse"
#endif

/* The loop below has no dependence between its iterations; CI reads in the compilers' reports that it is vectorised. */
#define PYCE_SIMD _Pragma("omp simd")

#if defined(__GNUC__)
#define PYCE_PREFETCH(address) __builtin_prefetch((const void *)(address)) /* a uintptr_t, of anything */
#define PYCE_INLINE static inline __attribute__((always_inline))
#else
#define PYCE_PREFETCH(address) ((void)(address))
#define PYCE_INLINE static inline
#endif

/* Whether vectors can be shuffled in terms that gcc (from 12 on) and clang share. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define HAVE_SHUFFLE 1
#endif
#endif
#ifndef HAVE_SHUFFLE
#define HAVE_SHUFFLE 0
#endif

#define LINE_BYTES 64 /* of memory that a prefetch brings */

/* Brings bytes into cache while others are computed with; nothing need be there. */
PYCE_INLINE void fetch(uintptr_t from, int64_t bytes) {
    int64_t i;
    for (i = 0; i < bytes; i += LINE_BYTES) PYCE_PREFETCH(from + (uintptr_t)i);
}

/* Vectors that are shuffled as a whole: for AVX2 four rows at a time are faster than eight. */
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#else
#define VECTOR_BYTES 16
#endif

/* Whether a fused multiply-add is one instruction. Without it the same formulas keep their accuracy (what must be
 * exact is exact either way, products by Dekker's splitting) and give other last bits. */
#if defined(__FMA__) || defined(__aarch64__) || defined(__ARM_FEATURE_FMA) || defined(__riscv_fdiv) || \
    defined(__s390x__) || defined(__powerpc64__) || defined(PYCE_FMA)
#define HAVE_FMA 1
#define FMA_F32(a, b, c) fmaf(a, b, c)
#define FMA_F64(a, b, c) fma(a, b, c)
#else
#define HAVE_FMA 0
#define FMA_F32(a, b, c) ((a) * (b) + (c))
#define FMA_F64(a, b, c) ((a) * (b) + (c))
#endif

/* Horner's rule, lowest coefficient first; FMA is that of the type in use. */
#define HORNER_2(F, x, a, b) F(b, x, a)
#define HORNER_3(F, x, a, ...) F(HORNER_2(F, x, __VA_ARGS__), x, a)
#define HORNER_4(F, x, a, ...) F(HORNER_3(F, x, __VA_ARGS__), x, a)
#define HORNER_5(F, x, a, ...) F(HORNER_4(F, x, __VA_ARGS__), x, a)
#define HORNER_6(F, x, a, ...) F(HORNER_5(F, x, __VA_ARGS__), x, a)
#define HORNER_7(F, x, a, ...) F(HORNER_6(F, x, __VA_ARGS__), x, a)
#define HORNER_8(F, x, a, ...) F(HORNER_7(F, x, __VA_ARGS__), x, a)
#define HORNER_9(F, x, a, ...) F(HORNER_8(F, x, __VA_ARGS__), x, a)
#define HORNER_10(F, x, a, ...) F(HORNER_9(F, x, __VA_ARGS__), x, a)
#define HORNER(n, ...) HORNER_##n(__VA_ARGS__) /* expands a coefficient list before it is counted */

/* The same in pairs a + b x, by Horner's rule in x^2: half as many operations that wait for each other. A loop over
 * vectors has but two or three iterations in the scheduler, so that counts. */
#define IN_PAIRS_1(F, x, square, a) (a)
#define IN_PAIRS_2(F, x, square, a, b) F(b, x, a)
#define IN_PAIRS_3(F, x, square, a, b, ...) F(IN_PAIRS_1(F, x, square, __VA_ARGS__), square, F(b, x, a))
#define IN_PAIRS_4(F, x, square, a, b, ...) F(IN_PAIRS_2(F, x, square, __VA_ARGS__), square, F(b, x, a))
#define IN_PAIRS_5(F, x, square, a, b, ...) F(IN_PAIRS_3(F, x, square, __VA_ARGS__), square, F(b, x, a))
#define IN_PAIRS_6(F, x, square, a, b, ...) F(IN_PAIRS_4(F, x, square, __VA_ARGS__), square, F(b, x, a))
#define IN_PAIRS_8(F, x, square, a, b, ...) F(IN_PAIRS_6(F, x, square, __VA_ARGS__), square, F(b, x, a))
#define IN_PAIRS_10(F, x, square, a, b, ...) F(IN_PAIRS_8(F, x, square, __VA_ARGS__), square, F(b, x, a))
#define IN_PAIRS_12(F, x, square, a, b, ...) F(IN_PAIRS_10(F, x, square, __VA_ARGS__), square, F(b, x, a))
#define IN_PAIRS_14(F, x, square, a, b, ...) F(IN_PAIRS_12(F, x, square, __VA_ARGS__), square, F(b, x, a))
#define IN_PAIRS_16(F, x, square, a, b, ...) F(IN_PAIRS_14(F, x, square, __VA_ARGS__), square, F(b, x, a))
#define IN_PAIRS_18(F, x, square, a, b, ...) F(IN_PAIRS_16(F, x, square, __VA_ARGS__), square, F(b, x, a))
#define IN_PAIRS(n, ...) IN_PAIRS_##n(__VA_ARGS__)

/* The last pair rounds most: `last` takes it, which rounds once also where F is two operations. */
#define IN_PAIRS_LAST(n, ...) IN_PAIRS_LAST_OF(n, __VA_ARGS__)
#define IN_PAIRS_LAST_OF(n, last, F, x, square, a, b, ...) \
    last(IN_PAIRS(n, F, x, square, __VA_ARGS__), square, last(b, x, a))

PYCE_INLINE uint64_t bits_f64(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

PYCE_INLINE double from_bits_f64(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

PYCE_INLINE uint32_t bits_f32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

PYCE_INLINE float from_bits_f32(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Two doubles ------------------------------------------------------------------------------------------------- */

typedef struct two {
    double hi, lo;
} two;

/* a + b exactly (Knuth). Infinite or NaN operands: hi is the sum, lo is NaN; callers select it away. */
PYCE_INLINE two two_sum(double a, double b) {
    two s;
    double t;
    s.hi = a + b;
    t = s.hi - a;
    s.lo = (a - (s.hi - t)) + (b - t);
    return s;
}

/* a + b exactly for |a| >= |b| or a = 0 (Dekker). */
PYCE_INLINE two fast_two_sum(double a, double b) {
    two s;
    s.hi = a + b;
    s.lo = b - (s.hi - a);
    return s;
}

/* a * b - p for p = a * b rounded, exactly. */
PYCE_INLINE double product_error(double a, double b, double p) {
#if HAVE_FMA
    return FMA_F64(a, b, -p);
#else
    const double split = 134217729.0; /* 2^27 + 1; |a|, |b| < 2^996 */
    const double ca = split * a, cb = split * b;
    const double ah = ca - (ca - a), bh = cb - (cb - b);
    const double al = a - ah, bl = b - bh;
    return ((ah * bh - p) + ah * bl + al * bh) + al * bl;
#endif
}

PYCE_INLINE two two_product(two a, two b) {
    two p;
    p.hi = a.hi * b.hi;
    p.lo = product_error(a.hi, b.hi, p.hi) + (a.hi * b.lo + a.lo * b.hi);
    return fast_two_sum(p.hi, p.lo);
}

PYCE_INLINE double finite_or_zero(double x) {
    return x - x == 0.0 ? x : 0.0;
}

/* a + b with a relative error of about 2^-104 of |a| + |b|; infinities and NaN as one double would give them. */
PYCE_INLINE two two_add(two a, two b) {
    const two s = two_sum(a.hi, b.hi);
    two r = fast_two_sum(s.hi, finite_or_zero(s.lo + (a.lo + b.lo)));
    r.lo = finite_or_zero(r.lo);
    return r;
}

PYCE_INLINE two two_of(double hi, double lo) {
    two t;
    t.hi = hi;
    t.lo = lo;
    return t;
}

/* The same operations, in one double where that is enough. */
PYCE_INLINE two multiply(two a, two b, const int wide) {
    return wide ? two_product(a, b) : two_of(a.hi * b.hi, 0.0);
}

PYCE_INLINE two add(two a, two b, const int wide) {
    return wide ? two_add(a, b) : two_of(a.hi + b.hi, 0.0);
}

/* a + b where neither is infinite */
PYCE_INLINE two add_finite(two a, double b, const int wide) {
    const two s = wide ? two_sum(a.hi, b) : two_of(a.hi + b, 0.0);
    return wide ? fast_two_sum(s.hi, s.lo + a.lo) : s;
}

PYCE_INLINE two scale_by_power(two a, double power, const int wide) {
    return two_of(a.hi * power, wide ? a.lo * power : 0.0);
}

/* weight * scale, scale in two terms; infinities stay */
PYCE_INLINE two weigh(double weight, const double *scale, const int wide) {
    const double product = weight * scale[0];
    if (!wide) return two_of(product, 0.0);
    return two_of(product, finite_or_zero(product_error(weight, scale[0], product) + weight * scale[1]));
}

/* a * b, like two_product, but infinities stay */
PYCE_INLINE two safe_product(two a, two b) {
    const double p = a.hi * b.hi;
    two r = fast_two_sum(p, finite_or_zero(product_error(a.hi, b.hi, p) + (a.hi * b.lo + a.lo * b.hi)));
    r.lo = finite_or_zero(r.lo);
    return r;
}

/* 1 / y for y >= 1. */
PYCE_INLINE two reciprocal(two y, const int wide) {
    const double r = 1.0 / y.hi;
    double p;
    if (!wide) return two_of(r, 0.0);
    p = r * y.hi;
    return fast_two_sum(r, ((1.0 - p) - product_error(r, y.hi, p) - r * y.lo) * r);
}

/* exp(r) for |r| <= 0.35. 1 + r + r^2/2 is formed in two doubles, the rest in one: it is below 0.008, so its rounding
 * stays below 2^-60. */
PYCE_INLINE two exp_reduced(two r, const int wide) {
    const two n = wide ? two_sum(r.hi, r.lo) : r;
    const double tail = HORNER(10, FMA_F64, n.hi, EXP_WIDE);
    const double square = n.hi * n.hi;
    if (!wide) {
        return two_of(1.0 + (n.hi + square * FMA_F64(n.hi, tail, 0.5)), 0.0);
    } else {
        const double square_lo = product_error(n.hi, n.hi, square);
        const two one = fast_two_sum(1.0, n.hi);
        const two sum = fast_two_sum(one.hi, 0.5 * square);
        const double low = FMA_F64(n.hi, n.lo, n.lo) + FMA_F64(square * n.hi, tail, 0.5 * square_lo);
        return fast_two_sum(sum.hi, (one.lo + sum.lo) + low);
    }
}

/* ln 2 rounding of d: d = k ln 2 + r. `magic` carries k in its last bits. */
PYCE_INLINE two reduce_exponent(two d, double *magic, const int wide) {
    const double shifter = 0x1.8p52;
    double k, r;
    *magic = FMA_F64(d.hi, INV_LN2_F64, shifter);
    k = *magic - shifter;
    r = d.hi - k * LN2_HI_F64;
    if (!wide) return two_of(r - k * LN2_LO_F64, 0.0);
    return two_of(r, d.lo - k * LN2_LO_F64);
}

/* 2^bias exp(d) for d <= 0; 0 where exp(d) < 2^-1500 or so. NaN stays NaN. */
PYCE_INLINE two exp_negative(two d, int64_t bias, const int wide) {
    double magic;
    const two r = reduce_exponent(d, &magic, wide);
    const two e = exp_reduced(r, wide);
    const double power = from_bits_f64((bits_f64(magic) + (uint64_t)(bias + 1023)) << 52);
    const double lowest = wide ? -1040.0 : -690.0;
    const two scaled = scale_by_power(e, power, wide);
    return two_of(d.hi < lowest ? 0.0 : scaled.hi, d.hi < lowest ? 0.0 : scaled.lo);
}

/* log1p(rest) for rest >= 0, given inv = 1/(1 + rest) (its lower part is not needed).
 *
 * y = 1 + rest = 2^k z, z in [sqrt(1/2), sqrt(2)); f = z - 1, but f = rest itself where k = 0, so that nothing is lost
 * of a tiny one. With s = f/(2+f):  log1p(f) = f - f^2/2 + s (f^2/2 + R(s^2))  (fdlibm's form). f - f^2/2 and
 * k ln 2 are formed in two doubles, s(..) is below 0.02. */
PYCE_INLINE two log1p_positive(two rest, two y, double inv, const int wide) {
    const uint64_t root_half = 0x3fe6a09e667f3bcdu, one = 0x3ff0000000000000u;
    const uint64_t bits = bits_f64(y.hi) + (one - root_half);
    const double k = from_bits_f64((bits >> 52) | 0x4330000000000000u) - (4503599627370496.0 + 1023.0);
    const double z = from_bits_f64((bits & 0x000fffffffffffffu) + root_half);
    const double f = k == 0.0 ? rest.hi : z - 1.0;
    const double s = f / (2.0 + f);
    const double square = s * s;
    const double odd = square * HORNER(7, FMA_F64, square, LOG_ODD);
    const double half = 0.5 * f * f;
    const double bend = s * (half + odd);
    if (!wide) {
        return two_of(FMA_F64(k, LN2_HI_F64, FMA_F64(k, LN2_LO_F64, bend) - half + f), 0.0);
    } else {
        const double half_lo = product_error(0.5 * f, f, half);
        const double slope = (k == 0.0 ? rest.lo : y.lo) * inv; /* d log y = dy / y */
        const two main = fast_two_sum(f, -half);
        const two sum = two_sum(k * LN2_HI_F64, main.hi);
        const double low = (main.lo + sum.lo) + ((slope - half_lo) + FMA_F64(k, LN2_LO_F64, bend));
        return fast_two_sum(sum.hi, low);
    }
}

#endif
