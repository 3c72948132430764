/* Inputs for the C tests: hostile logits by name, labels, and pseudo-random numbers that are the same everywhere. */
#ifndef DATA_H
#define DATA_H

#include "check.h"

static inline double random_unit(uint64_t *state) { /* in [0, 1), 53 bits: splitmix64 */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

enum { DATA_PLAIN, DATA_WIDE, DATA_TIES, DATA_ONE_HUGE, DATA_SUBNORMAL, DATA_INFINITE, DATA_NAN, DATA_KINDS };

static const char *const data_names[DATA_KINDS] = {"plain",     "wide",       "ties", "one huge",
                                                   "subnormal", "infinities", "nan"};

static inline double data_logit(int kind, uint64_t *state) {
    const double unit = random_unit(state);
    const double pick = random_unit(state);
    switch (kind) {
    case DATA_WIDE: return 200.0 * unit - 100.0;
    case DATA_TIES: return floor(3.0 * unit);
    case DATA_ONE_HUGE: return pick < 0.01 ? 1e4 : 4.0 * unit - 2.0;
    case DATA_SUBNORMAL: return (unit - 0.5) * 1e-40;
    case DATA_INFINITE: return pick < 0.005 ? INFINITY : pick < 0.2 ? -INFINITY : 8.0 * unit - 4.0;
    case DATA_NAN: return pick < 0.01 ? NAN : 8.0 * unit - 4.0;
    default: return 10.0 * unit - 5.0;
    }
}

static inline void fill_logits(int kind, pyce_dtype dtype, void *logits, int64_t n) {
    uint64_t state = 1u + (uint64_t)kind;
    for (int64_t i = 0; i < n; ++i) {
        store(dtype, logits, i, data_logit(kind, &state));
    }
}

/* An index for each row, and the same labels dense. */
static inline void fill_labels(pyce_dtype dtype, int64_t *index, void *dense, int64_t rows, int64_t classes) {
    uint64_t state = 99;
    for (int64_t row = 0; row < rows; ++row) {
        index[row] = (int64_t)(random_unit(&state) * (double)classes);
        for (int64_t c = 0; c < classes; ++c) {
            store(dtype, dense, row * classes + c, c == index[row] ? 1.0 : 0.0);
        }
    }
}

#endif
