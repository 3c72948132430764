/* sums.h: what becomes of the sums over losses, in two doubles for both compute types. */
#ifndef PYCE_SUMS_H
#define PYCE_SUMS_H

#include "kernels.h"
#include "vmath.h"

static void fold_sums(const sums *from, double *hi, double *lo) {
    two s = two_of(0.0, 0.0);
    int j;
    for (j = 0; j < SUM_LANES; j++) s = add(s, two_of(from->hi[j], from->lo[j]), 1);
    *hi = s.hi;
    *lo = s.lo;
}

/* The sum of n partial sums, in order, over the denominator, rounded once. */
static void total_of(const double *hi, const double *lo, int64_t n, double denominator, double *result) {
    two s = two_of(0.0, 0.0);
    double quotient, product, rest;
    int64_t i;
    for (i = 0; i < n; i++) s = add(s, two_of(hi[i], lo[i]), 1);
    quotient = s.hi / denominator;
    product = quotient * denominator;
    rest = ((s.hi - product) - product_error(quotient, denominator, product) + s.lo) / denominator;
    *result = quotient + finite_or_zero(rest);
}

/* 1 / denominator in two terms */
static void invert(double denominator, double *scale) {
    const double r = 1.0 / denominator, p = r * denominator;
    scale[0] = r;
    scale[1] = finite_or_zero(((1.0 - p) - product_error(r, denominator, p)) * r);
}

#endif
