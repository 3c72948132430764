/* memory_tmpl.h: loads to and stores from the compute type, for each storage type. Template, see formulas_tmpl.h.
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
    if (stride == 1 && dtype == PYCE_FLOAT16 && !WIDE) {
        floats_of_float16((float *)(void *)to, (const uint16_t *)from, n);
    } else if (stride == 1) {
        PYCE_SIMD
        for (i = 0; i < n; i++) to[i] = NAME(read)(from, i, dtype);
    } else if (stride == 0) { /* broadcast */
        const real value = NAME(read)(from, 0, dtype);
        for (i = 0; i < n; i++) to[i] = value;
    } else {
        for (i = 0; i < n; i++) to[i] = NAME(read)(from, i * stride, dtype);
    }
}

PYCE_INLINE void NAME(store)(void *restrict to, const real *restrict from, int64_t stride, int64_t n,
                             const pyce_dtype dtype) {
    int64_t i;
    if (stride == 1 && dtype == PYCE_FLOAT16 && !WIDE) {
        float16_of_floats((uint16_t *)to, (const float *)(const void *)from, n);
    } else if (stride == 1) {
        PYCE_SIMD
        for (i = 0; i < n; i++) NAME(write)(to, i, from[i], dtype);
    } else {
        for (i = 0; i < n; i++) NAME(write)(to, i * stride, from[i], dtype);
    }
}

PYCE_INLINE void NAME(pick)(double *to, const void *from, int64_t row_stride, int64_t class_stride,
                            const int64_t *index, int64_t rows, const pyce_dtype dtype) {
    int64_t i;
    for (i = 0; i < rows; i++) {
        to[i] = index[i] < 0 ? (double)NAN : (double)NAME(read)(from, i * row_stride + index[i] * class_stride, dtype);
    }
}
