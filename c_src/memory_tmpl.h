/* memory_tmpl.h: loads to and stores from the compute type, for each storage type. A matrix in scratch is
 * (classes, rows) with the rows padded to a multiple of VECTOR_ROWS. Template, see formulas_tmpl.h.
 *
 * `dtype` is a constant wherever these are inlined. */

PYCE_INLINE real NAME(read)(const void *data, int64_t i, const pyce_dtype dtype) {
    switch (dtype) {
    case PYCE_FLOAT64: return (real)((const double *)data)[i];
    case PYCE_FLOAT16: return (real)float_of_float16(((const uint16_t *)data)[i]);
    case PYCE_BFLOAT16: return (real)float_of_bfloat16(((const uint16_t *)data)[i]);
    default: return (real)((const float *)data)[i];
    }
}

PYCE_INLINE void NAME(write)(void *data, int64_t i, real value, const pyce_dtype dtype) {
    switch (dtype) {
    case PYCE_FLOAT64: ((double *)data)[i] = (double)value; return;
    case PYCE_FLOAT16: ((uint16_t *)data)[i] = float16_of_float(WIDE ? float_to_odd(value) : (float)value); return;
    case PYCE_BFLOAT16: ((uint16_t *)data)[i] = bfloat16_of_float(WIDE ? float_to_odd(value) : (float)value); return;
    default: ((float *)data)[i] = (float)value; return;
    }
}

PYCE_INLINE void NAME(load)(real *restrict to, const void *restrict from, int64_t stride, int64_t n,
                            const pyce_dtype dtype) {
    int64_t i;
    if (stride == 1) {
        PYCE_SIMD
        for (i = 0; i < n; i++) to[i] = NAME(read)(from, i, dtype);
    } else if (stride == 0 && n > 0) { /* broadcast */
        const real value = NAME(read)(from, 0, dtype);
        for (i = 0; i < n; i++) to[i] = value;
    } else {
        for (i = 0; i < n; i++) to[i] = NAME(read)(from, i * stride, dtype);
    }
}

PYCE_INLINE void NAME(store)(void *restrict to, const real *restrict from, int64_t stride, int64_t n,
                             const pyce_dtype dtype) {
    int64_t i;
    if (stride == 1) {
        PYCE_SIMD
        for (i = 0; i < n; i++) NAME(write)(to, i, from[i], dtype);
    } else {
        for (i = 0; i < n; i++) NAME(write)(to, i * stride, from[i], dtype);
    }
}

PYCE_INLINE void NAME(load_rows)(real *restrict to, int64_t to_rows, const void *restrict from, int64_t row_stride,
                                 int64_t class_stride, int64_t rows, int64_t classes, const pyce_dtype dtype) {
    int64_t c, r;
    for (c = 0; c < classes; c++) {
        for (r = rows; r < to_rows; r++) to[c * to_rows + r] = 0;
    }
    if (row_stride == 1) {
        for (c = 0; c < classes; c++) {
            real *restrict line = to + c * to_rows;
            const int64_t at = c * class_stride;
            PYCE_SIMD
            for (r = 0; r < rows; r++) line[r] = NAME(read)(from, at + r, dtype);
        }
    } else {
        for (r = 0; r < rows; r++) {
            for (c = 0; c < classes; c++) {
                to[c * to_rows + r] = NAME(read)(from, r * row_stride + c * class_stride, dtype);
            }
        }
    }
}

PYCE_INLINE void NAME(store_rows)(void *restrict to, int64_t row_stride, int64_t class_stride,
                                  const real *restrict from, int64_t from_rows, int64_t rows, int64_t classes,
                                  const pyce_dtype dtype) {
    int64_t c, r;
    if (row_stride == 1) {
        for (c = 0; c < classes; c++) {
            const real *restrict line = from + c * from_rows;
            const int64_t at = c * class_stride;
            PYCE_SIMD
            for (r = 0; r < rows; r++) NAME(write)(to, at + r, line[r], dtype);
        }
    } else {
        for (r = 0; r < rows; r++) {
            for (c = 0; c < classes; c++) {
                NAME(write)(to, r * row_stride + c * class_stride, from[c * from_rows + r], dtype);
            }
        }
    }
}

#define LOAD_STORE(name, dtype)                                                                                      \
    static void NAME(load_##name)(void *to, const void *from, int64_t stride, int64_t n) {                           \
        NAME(load)((real *)to, from, stride, n, dtype);                                                              \
    }                                                                                                                \
    static void NAME(store_##name)(void *to, const void *from, int64_t stride, int64_t n) {                          \
        NAME(store)(to, (const real *)from, stride, n, dtype);                                                       \
    }                                                                                                                \
    static void NAME(store_doubles_##name)(void *to, const double *from, int64_t stride, int64_t n) {                \
        int64_t i;                                                                                                   \
        for (i = 0; i < n; i++) NAME(write)(to, i * stride, (real)from[i], dtype);                                   \
    }                                                                                                                \
    static void NAME(load_matrix_##name)(void *to, int64_t to_rows, const void *from, int64_t row_stride,            \
                                         int64_t class_stride, int64_t rows, int64_t classes) {                      \
        NAME(load_rows)((real *)to, to_rows, from, row_stride, class_stride, rows, classes, dtype);                  \
    }                                                                                                                \
    static void NAME(store_matrix_##name)(void *to, int64_t row_stride, int64_t class_stride, const void *from,      \
                                          int64_t from_rows, int64_t rows, int64_t classes) {                        \
        NAME(store_rows)(to, row_stride, class_stride, (const real *)from, from_rows, rows, classes, dtype);         \
    }
LOAD_STORE(float32, PYCE_FLOAT32)
LOAD_STORE(float64, PYCE_FLOAT64)
LOAD_STORE(float16, PYCE_FLOAT16)
LOAD_STORE(bfloat16, PYCE_BFLOAT16)
#undef LOAD_STORE

#define BY_DTYPE(base) {NULL, NAME(base##_float32), NAME(base##_float64), NAME(base##_float16), NAME(base##_bfloat16)}
