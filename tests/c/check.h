/* Checks that count, for the C tests. A failed check prints one line and the program goes on; main ends with
 * `return check_finish();`, which prints the closing line. One test program is one C file that includes this. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "pyce.h"

static long checks_passed;
static long checks_failed;

#define CHECK(condition) check_true(condition, __FILE__, __LINE__, "%s", #condition)

/* check_true with a message of one's own, printf-like. */
#define CHECK_SAYING(condition, ...) check_true(condition, __FILE__, __LINE__, __VA_ARGS__)

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static inline int check_true(int ok, const char *file, int line, const char *format, ...) {
    if (ok) {
        ++checks_passed;
        return 1;
    }
    if (++checks_failed <= 50) {
        va_list arguments;
        va_start(arguments, format);
        printf("%s:%d: failed: ", file, line);
        vprintf(format, arguments);
        printf("\n");
        va_end(arguments);
    }
    return 0;
}

static inline int check_finish(void) {
    printf("%ld passed, %ld failed\n", checks_passed, checks_failed);
    return checks_failed != 0;
}

/* Arrays of either float type ------------------------------------------------------------------------------- */

static inline size_t size_of(pyce_dtype dtype) { return dtype == PYCE_FLOAT32 ? sizeof(float) : sizeof(double); }

static inline double load(pyce_dtype dtype, const void *data, int64_t i) {
    return dtype == PYCE_FLOAT32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static inline void store(pyce_dtype dtype, void *data, int64_t i, double value) {
    if (dtype == PYCE_FLOAT32) {
        ((float *)data)[i] = (float)value;
    } else {
        ((double *)data)[i] = value;
    }
}

/* The unit in the last place of `value` in `dtype`, subnormals included. */
static inline double ulp_of(pyce_dtype dtype, double value) {
    int exponent = 0;
    (void)frexp(value, &exponent);
    if (dtype == PYCE_FLOAT32) {
        return ldexp(1.0, exponent - 24 < -149 ? -149 : exponent - 24);
    }
    return ldexp(1.0, exponent - 53 < -1074 ? -1074 : exponent - 53);
}

/* How far apart two numbers are, in ulps at `scale`; infinities and NaN agree with their like alone. */
static inline double ulps_apart(pyce_dtype dtype, double actual, double expected, double scale) {
    if (isnan(expected) || isinf(expected)) {
        return (isnan(expected) && isnan(actual)) || actual == expected ? 0.0 : INFINITY;
    }
    const double distance = fabs(actual - expected) / ulp_of(dtype, scale);
    return isnan(distance) ? INFINITY : distance;
}

#define CHECK_ULPS(dtype, actual, expected, scale, bound)                                                             \
    CHECK_SAYING(ulps_apart(dtype, actual, expected, scale) <= (bound), "%s = %.17g, expected %.17g: %g ulp", #actual, \
                 actual, expected, ulps_apart(dtype, actual, expected, scale))

/* The same number, where all NaN are one and 0 is not -0. */
static inline int same_bits(double a, double b) {
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

#endif
