/* dtypes.h: the storage types of floating-point arrays: how one element becomes a float or double and back. The
 * only file that knows how they are made; a new one is a case in `read` and `write` of memory_tmpl.h. Included by
 * kernels.c only.
 *
 * float16 and bfloat16 are integers here: C99 has no such types, and the conversions below vectorise. Both round to
 * nearest even, subnormals included; a NaN stays a NaN. */
#ifndef PYCE_DTYPES_H
#define PYCE_DTYPES_H

#if defined(__F16C__)
#include <immintrin.h>
#endif

#include "pyce.h"
#include "vmath.h"

#define SIZE_OF(dtype) ((dtype) == PYCE_FLOAT64 ? 8 : (dtype) == PYCE_FLOAT32 ? 4 : 2)

/* Exponent and mantissa moved to their places make the value times 2^-112, also of a subnormal. */
PYCE_INLINE float float_of_float16(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, size = (uint32_t)(half & 0x7fffu);
    const uint32_t finite = bits_f32(from_bits_f32(size << 13) * 0x1p112f);
    return from_bits_f32(sign | (size >= 0x7c00u ? (size << 13) | 0x7f800000u : finite));
}

/* Normal results: the 13 bits that go are rounded off in integers; the carry runs into the exponent. Subnormal ones:
 * adding 1/2 leaves the multiple of 2^-24 in the last bits, rounded by the addition. */
PYCE_INLINE uint16_t float16_of_float(float value) {
    const uint32_t bits = bits_f32(value), size = bits & 0x7fffffffu;
    const uint32_t normal = (size + 0xfffu + ((size >> 13) & 1u) - (112u << 23)) >> 13;
    const uint32_t subnormal = bits_f32(from_bits_f32(size) + 0.5f) - 0x3f000000u;
    const uint32_t finite = size < (113u << 23) ? subnormal : normal;
    const uint32_t special = size > 0x7f800000u ? 0x7e00u : 0x7c00u; /* 65520 and above round to infinity */
    return (uint16_t)((bits >> 16 & 0x8000u) | (size >= 0x477ff000u ? special : finite));
}

/* Neighbours, eight at a time by the processor's own conversions where it has them: losses of 1000 classes take 0.8 to
 * 0.9 of the time, with the gradient 0.7 to 0.8. A NaN keeps its payload there; the minima make it that of
 * float16_of_float, as positive NaN are the greatest of signed numbers, and negative ones of unsigned numbers. */
PYCE_INLINE void floats_of_float16(float *restrict to, const uint16_t *restrict from, int64_t n) {
    int64_t i, done = 0;
#if defined(__F16C__)
    for (; done + 8 <= n; done += 8) {
        _mm256_storeu_ps(to + done, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + done))));
    }
#endif
    PYCE_SIMD
    for (i = done; i < n; i++) to[i] = float_of_float16(from[i]);
}

PYCE_INLINE void float16_of_floats(uint16_t *restrict to, const float *restrict from, int64_t n) {
    int64_t i, done = 0;
#if defined(__F16C__)
    const __m128i nan = _mm_set1_epi16(0x7e00), minus_nan = _mm_set1_epi16((short)0xfe00);
    for (; done + 8 <= n; done += 8) {
        const __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(from + done), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128((__m128i *)(to + done), _mm_min_epu16(_mm_min_epi16(halves, nan), minus_nan));
    }
#endif
    PYCE_SIMD
    for (i = done; i < n; i++) to[i] = float16_of_float(from[i]);
}

PYCE_INLINE float float_of_bfloat16(uint16_t half) {
    return from_bits_f32((uint32_t)half << 16);
}

PYCE_INLINE uint16_t bfloat16_of_float(float value) {
    const uint32_t bits = bits_f32(value);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16 | 0x40u) : rounded);
}

/* A double on its way to a half type: rounded to odd, so that the second rounding is right. */
PYCE_INLINE float float_to_odd(double value) {
    const float near = (float)value;
    const uint32_t bits = bits_f32(near);
    const uint32_t odd = fabs((double)near) < fabs(value) ? bits + 1u : bits - 1u;
    return from_bits_f32((double)near != value && !(bits & 1u) && value == value ? odd : bits);
}

#endif
