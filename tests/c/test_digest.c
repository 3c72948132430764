/* The same bits everywhere: a digest of every output over a large fixed input, for every loss and storage type. It is
 * the reference for all builds whose kernels have fused multiply-add: AVX2 and AVX-512 on x86-64, NEON on aarch64, by
 * any compiler, with any number of threads. A change of it is a change of results, and goes into CHANGELOG.md.
 *
 * The input is made with integer arithmetic alone, so that it is the same on every machine. */
#include <stdlib.h>

#include "check.h"

enum { LARGEST = 70001, ELEMENTS = 2 * LARGEST, OUTPUTS = 6 };

static const struct {
    int64_t rows, classes;
} shapes[] = {{7, 1}, {300, 2}, {200, 3}, {500, 10}, {17, 63}, {33, 64}, {20, 65}, {40, 100}, {9, 1000}, {3, 2049},
              {2, 5000}, {2, LARGEST}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static const pyce_dtype dtypes[] = {PYCE_FLOAT32, PYCE_FLOAT64, PYCE_FLOAT16, PYCE_BFLOAT16};
enum { DTYPES = 4, KINDS = 4 };

/* [loss][dtype] */
static const uint64_t expected[KINDS][DTYPES] = {
    {UINT64_C(0x6088943fd9544be8), UINT64_C(0x11617504242a4027),
     UINT64_C(0xa920c44ee6ec7793), UINT64_C(0xfe653b2fef0178d7)},
    {UINT64_C(0xda9b37cdaa6ea700), UINT64_C(0x3c461efcd219b80f),
     UINT64_C(0x4940d582c1856653), UINT64_C(0x4a809e80918d33f7)},
    {UINT64_C(0x11378197979eb87e), UINT64_C(0xb0b8d73889f679d6),
     UINT64_C(0x7704cd5e1927c314), UINT64_C(0x4199b7b859e10a8c)},
    {UINT64_C(0x762f6369d19ae75d), UINT64_C(0x0da10db4ff9f3c65),
     UINT64_C(0xdd355424dc3e8277), UINT64_C(0x3f955603e5a14fae)},
};

static uint64_t next_random(uint64_t *state) { /* splitmix64 */
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t bytes_of(pyce_dtype dtype) {
    return dtype == PYCE_FLOAT64 ? 8 : dtype == PYCE_FLOAT32 ? 4 : 2;
}

/* Puts the bits of a number: sign, exponent (of two) and the upper bits of `fraction` as its mantissa. */
static void put(pyce_dtype dtype, void *data, int64_t i, int negative, int exponent, uint64_t fraction) {
    if (dtype == PYCE_FLOAT64) {
        ((uint64_t *)data)[i] = (uint64_t)negative << 63 | (uint64_t)(exponent + 1023) << 52 | fraction >> 12;
    } else if (dtype == PYCE_FLOAT32) {
        ((uint32_t *)data)[i] =
            (uint32_t)((uint64_t)negative << 31 | (uint64_t)(exponent + 127) << 23 | fraction >> 41);
    } else if (dtype == PYCE_BFLOAT16) {
        ((uint16_t *)data)[i] = (uint16_t)((uint64_t)negative << 15 | (uint64_t)(exponent + 127) << 7 | fraction >> 57);
    } else {
        ((uint16_t *)data)[i] = (uint16_t)((uint64_t)negative << 15 | (uint64_t)(exponent + 15) << 10 | fraction >> 54);
    }
}

/* Logits of either sign, most of them below 16, some up to 2^8, some tiny, some equal. */
static void make_logits(pyce_dtype dtype, void *data, uint64_t *state) {
    int64_t i;
    for (i = 0; i < ELEMENTS; i++) {
        const uint64_t r = next_random(state);
        const int odd = (r >> 8 & 63) == 0, tiny = (r >> 14 & 63) == 0;
        const int exponent = odd ? 7 : tiny ? -14 : (int)(r & 7) - 4;
        const int equal = (r >> 20 & 15) == 0;
        put(dtype, data, i, (int)(r >> 30 & 1), equal ? 3 : exponent, equal ? 0 : r);
    }
}

/* Labels in (1/2, 1), (1/4, 1/2), ..., and a few 0 and 1. */
static void make_labels(pyce_dtype dtype, void *data, uint64_t *state) {
    int64_t i;
    for (i = 0; i < ELEMENTS; i++) {
        const uint64_t r = next_random(state);
        if ((r & 15) == 0) memset((char *)data + (size_t)i * bytes_of(dtype), 0, bytes_of(dtype));
        else if ((r & 15) == 1) put(dtype, data, i, 0, 0, 0);
        else put(dtype, data, i, 0, -1 - (int)(r >> 4 & 7), r);
    }
}

/* FNV-1a over the bits of n numbers, little-endian; all NaN are one. */
static uint64_t digest_of(uint64_t digest, pyce_dtype dtype, const void *data, int64_t n) {
    int64_t i;
    size_t k;
    for (i = 0; i < n; i++) {
        uint64_t bits, top;
        if (dtype == PYCE_FLOAT64) bits = ((const uint64_t *)data)[i], top = UINT64_C(0x7ff) << 52;
        else if (dtype == PYCE_FLOAT32) bits = ((const uint32_t *)data)[i], top = 0x7f800000u;
        else bits = ((const uint16_t *)data)[i], top = dtype == PYCE_FLOAT16 ? 0x7c00u : 0x7f80u;
        if ((bits & (top | (top - 1)) & ~(UINT64_C(1) << (8 * bytes_of(dtype) - 1))) > top) bits = top | 1;
        for (k = 0; k < bytes_of(dtype); k++) digest = (digest ^ (bits >> (8 * k) & 0xff)) * UINT64_C(0x100000001b3);
    }
    return digest;
}

typedef struct arrays {
    void *logits, *labels, *weights;
    int64_t *index;
    void *out[OUTPUTS];
} arrays;

static uint64_t digest_shape(uint64_t digest, const arrays *a, pyce_loss kind, pyce_dtype dtype, int shape,
                             pyce_isa isa, int32_t threads) {
    const int64_t rows = shapes[shape].rows, classes = shapes[shape].classes;
    const int rows_loss = kind == PYCE_SOFTMAX || kind == PYCE_SPARSE_SOFTMAX;
    pyce_args args = pyce_args_rows(kind, dtype, a->logits, rows, classes, NULL, NULL);
    pyce_output *outputs[OUTPUTS];
    pyce_error error = pyce_error_init();
    int k;
    outputs[0] = &args.loss;
    outputs[1] = &args.grad;
    outputs[2] = &args.hess;
    outputs[3] = &args.lse;
    outputs[4] = &args.prob;
    outputs[5] = &args.log_prob;
    for (k = 0; k < OUTPUTS; k++) {
        const int per_row = rows_loss && (k == 0 || k == 3);
        if (k == 3 && !rows_loss) continue;
        *outputs[k] = pyce_output_2d(a->out[k], dtype, per_row ? 1 : classes, per_row ? 0 : 1);
    }
    args.labels = kind == PYCE_SPARSE_SOFTMAX ? pyce_input_2d(a->index, PYCE_INT64, 1, 0)
                                              : pyce_input_2d(a->labels, dtype, classes, 1);
    if (kind == PYCE_WEIGHTED) args.pos_weight = pyce_input_2d(a->weights, dtype, 0, 1);
    args.isa = isa;
    args.num_threads = threads;
    for (k = 0; k < rows; k++) a->index[k] = (int64_t)(k * 7919 % classes);
    CHECK_SAYING(pyce_compute(&args, &error) == PYCE_OK, "%s", error.message);
    for (k = 0; k < OUTPUTS; k++) {
        const int per_row = rows_loss && (k == 0 || k == 3);
        if (outputs[k]->data) digest = digest_of(digest, dtype, a->out[k], per_row ? rows : rows * classes);
    }
    return digest;
}

static uint64_t digest_case(pyce_loss kind, pyce_dtype dtype, pyce_isa isa, int32_t threads) {
    uint64_t state = 42, digest = UINT64_C(0xcbf29ce484222325);
    arrays a;
    int k;
    a.logits = malloc(ELEMENTS * bytes_of(dtype));
    a.labels = malloc(ELEMENTS * bytes_of(dtype));
    a.weights = malloc(ELEMENTS * bytes_of(dtype));
    a.index = (int64_t *)malloc(ELEMENTS * sizeof(int64_t));
    for (k = 0; k < OUTPUTS; k++) a.out[k] = malloc(ELEMENTS * bytes_of(dtype));
    make_logits(dtype, a.logits, &state);
    make_labels(dtype, a.labels, &state);
    make_labels(dtype, a.weights, &state);
    for (k = 0; k < SHAPES; k++) digest = digest_shape(digest, &a, kind, dtype, k, isa, threads);
    for (k = 0; k < OUTPUTS; k++) free(a.out[k]);
    free(a.index);
    free(a.weights);
    free(a.labels);
    free(a.logits);
    return digest;
}

static int has_fma(pyce_isa isa) {
#if defined(__x86_64__) && !defined(__FMA__)
    return isa != PYCE_ISA_BASELINE;
#elif defined(__x86_64__) || defined(__aarch64__)
    (void)isa;
    return 1;
#else
    (void)isa;
    return 0;
#endif
}

int main(void) {
    pyce_loss kind;
    pyce_isa isa;
    int d, checked = 0;
    for (isa = 1; pyce_isa_name(isa); isa++) {
        if (!pyce_isa_available(isa) || !has_fma(isa)) continue;
        for (kind = 1; pyce_loss_name(kind); kind++) {
            for (d = 0; d < DTYPES; d++) {
                const uint64_t found = digest_case(kind, dtypes[d], isa, isa == PYCE_ISA_AVX2 ? 3 : 0);
                CHECK_SAYING(found == expected[kind - 1][d], "%s %s on %s: digest 0x%016llx, expected 0x%016llx",
                             pyce_loss_name(kind), pyce_dtype_name(dtypes[d]), pyce_isa_name(isa),
                             (unsigned long long)found, (unsigned long long)expected[kind - 1][d]);
                checked++;
            }
        }
    }
    if (!checked) printf("no instruction set with fused multiply-add here: nothing to compare\n");
    return check_finish();
}
