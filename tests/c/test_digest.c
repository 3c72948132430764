/* The same bits everywhere: a digest of every output over a large fixed input, for every loss and storage type. It is
 * the reference for all builds whose kernels have fused multiply-add: AVX2 and AVX-512 on x86-64, aarch64, s390x,
 * riscv64, by any compiler, with any number of threads. A change of it is a change of results, and goes into
 * CHANGELOG.md.
 *
 *     test_digest       compares with the digests below
 *     test_digest ISA   prints one digest for each loss, type, shape and output: two builds, or two instruction sets,
 *                       agree if these lines do, and the first that differs says where they part
 *     test_digest ISA N prints those of the first N shapes alone; eleven take an emulator a seventh of the time
 *
 * The input is made with integer arithmetic alone, so that it is the same on every machine. */
#include <fenv.h>
#include <stdlib.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "check.h"

enum { LARGEST = 70001, ELEMENTS = 2 * LARGEST, OUTPUTS = 8, GRAD = 1, PER_ROW_LSE = 3, LABELS_GRAD = 6, HVP = 7 };

/* The last four are large enough for threads: a few rows that threads share, and many short ones. The reference digests
 * are of the first twelve. */
static const struct {
    int64_t rows, classes;
} shapes[] = {{7, 1},    {300, 2},     {200, 3},   {500, 10},  {17, 24},   {33, 64},     {20, 127},
              {40, 100}, {9, 1000},    {3, 2049},  {2, 5000},  {2, LARGEST}, {12000, 3}, {150, 300}, {9, 4097}};
enum { SHAPES = sizeof shapes / sizeof shapes[0], REFERENCE_SHAPES = 12, MOST_THREADS = 8 };

static const char *const output_names[OUTPUTS] = {"loss", "grad",     "hess",        "lse",
                                                   "prob", "log_prob", "labels_grad", "hvp"};

/* The sum of the plain losses; the mean of losses with weights, masks, class weights and smoothed labels. */
enum { PLAIN, SUM, MEAN, MODES };
static const char *const mode_names[MODES] = {"", "sum ", "mean "};

static const uint64_t digest_start = UINT64_C(0xcbf29ce484222325);

static const pyce_dtype dtypes[] = {PYCE_FLOAT32, PYCE_FLOAT64, PYCE_FLOAT16, PYCE_BFLOAT16};
enum { DTYPES = 4, KINDS = 4 };

/* [mode][loss][dtype] */
static const uint64_t expected[MODES][KINDS][DTYPES] = {
    {
        {UINT64_C(0xe3248595e6d174e0), UINT64_C(0x10927c70b9b19c94),
         UINT64_C(0xf3ca9656cc15c901), UINT64_C(0xb7929e5095ad147b)},
        {UINT64_C(0x76ab9a9408bec1a7), UINT64_C(0x43241d75bce8739f),
         UINT64_C(0x6d0957ac0886abae), UINT64_C(0x87051e5ce55225a2)},
        {UINT64_C(0x01673aa06b458f2e), UINT64_C(0xced1a5cf817414d5),
         UINT64_C(0xb5df9a7a86e5f442), UINT64_C(0xe7946f7aa3f620c8)},
        {UINT64_C(0x689423f5eff5f3fd), UINT64_C(0x90aef1d7c51d9b4d),
         UINT64_C(0x17bc8ccda3f15f53), UINT64_C(0x488d957af8d0cba5)},
    },
    {
        {UINT64_C(0x3636bd8c0a480881), UINT64_C(0x329296ba8eeec502),
         UINT64_C(0xcc85f671e5b46488), UINT64_C(0xf9afb6ba5c7a39d7)},
        {UINT64_C(0xcdadf14ad104cd45), UINT64_C(0xf82966caaa8c3a90),
         UINT64_C(0x547de80af45266c6), UINT64_C(0xd0f9ee30688e6842)},
        {UINT64_C(0x7b965ba9df389133), UINT64_C(0x6a27197fba079594),
         UINT64_C(0x9cb7d9cf7e9e1857), UINT64_C(0x285d6cfaa83b8288)},
        {UINT64_C(0x914031bca97d7cdc), UINT64_C(0x5b6f0c3470114337),
         UINT64_C(0x96fae145fb2597bc), UINT64_C(0x9849bf492fbbf355)},
    },
    {
        {UINT64_C(0x158ebce7a6e4d83b), UINT64_C(0xece407b8e077980e),
         UINT64_C(0x77c36881d33038a3), UINT64_C(0x6140ee04f2d0fd0a)},
        {UINT64_C(0xa69167df33f98485), UINT64_C(0x1d33cddb384a765a),
         UINT64_C(0x255df5da2f13c311), UINT64_C(0x9b563c3751658905)},
        {UINT64_C(0x78b981b91e5eef14), UINT64_C(0xd7aac470e92e2b6a),
         UINT64_C(0xd5bb06643603a8dd), UINT64_C(0x42c5ceabd5e20df3)},
        {UINT64_C(0x44554b5be4de570d), UINT64_C(0x70610cca83e525f2),
         UINT64_C(0x06e7f9c711810ab3), UINT64_C(0x44cce0aa3c99da68)},
    },
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
    uint8_t *mask;
    int64_t *index;
    void *out[OUTPUTS];
} arrays;

static int is_rows(pyce_loss kind) {
    return kind == PYCE_SOFTMAX || kind == PYCE_SPARSE_SOFTMAX;
}

static int is_per_row(pyce_loss kind, int output) {
    return is_rows(kind) && (output == 0 || output == PER_ROW_LSE);
}

/* lse is one of the softmax family alone, the last two take part where there are options. */
static int is_wanted(pyce_loss kind, int output, int mode) {
    if (output == PER_ROW_LSE) return is_rows(kind);
    if (output == LABELS_GRAD) return mode != PLAIN && kind != PYCE_SPARSE_SOFTMAX;
    return output != HVP || mode != PLAIN;
}

static int64_t count_of(pyce_loss kind, int output, int mode, int64_t rows, int64_t classes) {
    if (output == 0 && mode != PLAIN) return 1;
    return is_per_row(kind, output) ? rows : rows * classes;
}

static arrays arrays_new(pyce_dtype dtype) {
    uint64_t state = 42;
    arrays a;
    int k;
    a.logits = malloc(ELEMENTS * bytes_of(dtype));
    a.labels = malloc(ELEMENTS * bytes_of(dtype));
    a.weights = malloc(ELEMENTS * bytes_of(dtype));
    a.index = (int64_t *)malloc(ELEMENTS * sizeof(int64_t));
    a.mask = (uint8_t *)malloc(ELEMENTS);
    for (k = 0; k < ELEMENTS; k++) a.mask[k] = k % 7 != 3;
    for (k = 0; k < OUTPUTS; k++) a.out[k] = malloc(ELEMENTS * bytes_of(dtype));
    make_logits(dtype, a.logits, &state);
    make_labels(dtype, a.labels, &state);
    make_labels(dtype, a.weights, &state);
    return a;
}

static void arrays_free(arrays *a) {
    int k;
    for (k = 0; k < OUTPUTS; k++) free(a->out[k]);
    free(a->mask);
    free(a->index);
    free(a->weights);
    free(a->labels);
    free(a->logits);
}

/* How a digest is computed, which must not matter. */
typedef struct setting {
    pyce_isa isa;
    int32_t threads;
    int mode;    /* this does matter */
    int hostile; /* the caller rounds towards zero and, where this file knows how, flushes subnormal numbers to zero */
} setting;

#if defined(__SSE2__)
typedef unsigned control;
static control hostile_control(void) { return 0xffc0u; }
static control get_control(void) { return _mm_getcsr() & 0xffc0u; }
static void set_control(control value) { _mm_setcsr(value); }
#elif defined(__aarch64__) && defined(__GNUC__)
typedef uint64_t control;
static control hostile_control(void) { return UINT64_C(0x1c00000); }
static control get_control(void) {
    control value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}
static void set_control(control value) { __asm__ volatile("msr fpcr, %0" : : "r"(value)); }
#else
typedef int control;
static control hostile_control(void) { return FE_TOWARDZERO; }
static control get_control(void) { return fegetround(); }
static void set_control(control value) { fesetround(value); }
#endif

static void set_options(pyce_args *args, const arrays *a, pyce_dtype dtype, int64_t classes, int mode) {
    const int per_row = is_rows(args->loss_kind);
    if (mode == PLAIN) return;
    args->reduction = mode == SUM ? PYCE_REDUCTION_SUM : PYCE_REDUCTION_MEAN;
    args->vector = pyce_input_2d(a->labels, dtype, classes, 1);
    if (mode == SUM) return;
    args->sample_weight = pyce_input_2d(a->weights, dtype, per_row ? 1 : classes, per_row ? 0 : 1);
    args->where = pyce_input_2d(a->mask, PYCE_BOOL, 1, 0);
    args->label_smoothing = 0.125;
    if (per_row) args->class_weight = pyce_input_2d(a->labels, dtype, 0, 1);
}

/* A gradient alone is computed in another way than beside other outputs, with the same bits. `args` asks for all. */
static void check_grad_alone(const pyce_args *args, const arrays *a, pyce_loss kind, pyce_dtype dtype, int shape) {
    const int64_t count = count_of(kind, GRAD, PLAIN, shapes[shape].rows, shapes[shape].classes);
    const uint64_t beside_others = digest_of(digest_start, dtype, a->out[GRAD], count);
    const pyce_output none = pyce_output_2d(NULL, 0, 0, 0);
    pyce_args alone = *args;
    pyce_error error = pyce_error_init();
    alone.loss = alone.hess = alone.lse = alone.prob = alone.log_prob = alone.labels_grad = alone.hvp = none;
    CHECK_SAYING(pyce_compute(&alone, &error) == PYCE_OK, "%s", error.message);
    CHECK_SAYING(digest_of(digest_start, dtype, a->out[GRAD], count) == beside_others,
                 "%s %s (%ld, %ld) on %s: the gradient alone has other bits", pyce_loss_name(kind),
                 pyce_dtype_name(dtype), (long)shapes[shape].rows, (long)shapes[shape].classes,
                 pyce_isa_name(args->isa));
}

/* Continues digests[output] for each output of one call; with `merged`, digests[0] for all of them. */
static void digest_shape(uint64_t *digests, int merged, const arrays *a, pyce_loss kind, pyce_dtype dtype, int shape,
                         setting how) {
    const int64_t rows = shapes[shape].rows, classes = shapes[shape].classes;
    pyce_args args = pyce_args_rows(kind, dtype, a->logits, rows, classes, NULL, NULL);
    pyce_output *outputs[OUTPUTS];
    pyce_error error = pyce_error_init();
    pyce_status status;
    int k;
    outputs[0] = &args.loss;
    outputs[1] = &args.grad;
    outputs[2] = &args.hess;
    outputs[3] = &args.lse;
    outputs[4] = &args.prob;
    outputs[5] = &args.log_prob;
    outputs[6] = &args.labels_grad;
    outputs[7] = &args.hvp;
    for (k = 0; k < OUTPUTS; k++) {
        if (!is_wanted(kind, k, how.mode)) continue;
        *outputs[k] = pyce_output_2d(a->out[k], dtype, is_per_row(kind, k) ? 1 : classes, is_per_row(kind, k) ? 0 : 1);
    }
    set_options(&args, a, dtype, classes, how.mode);
    args.labels = kind == PYCE_SPARSE_SOFTMAX ? pyce_input_2d(a->index, PYCE_INT64, 1, 0)
                                              : pyce_input_2d(a->labels, dtype, classes, 1);
    if (kind == PYCE_WEIGHTED) args.pos_weight = pyce_input_2d(a->weights, dtype, 0, 1);
    args.isa = how.isa;
    args.num_threads = how.threads;
    for (k = 0; k < rows; k++) a->index[k] = (int64_t)k * 7919 % classes;
    if (how.hostile) {
        const control before = get_control();
        set_control(hostile_control());
        status = pyce_compute(&args, &error);
        CHECK(get_control() == hostile_control());
        set_control(before);
    } else {
        status = pyce_compute(&args, &error);
    }
    CHECK_SAYING(status == PYCE_OK, "%s", error.message);
    for (k = 0; k < OUTPUTS; k++) {
        uint64_t *digest = digests + (merged ? 0 : k);
        if (!outputs[k]->data) continue;
        *digest = digest_of(*digest, dtype, a->out[k], count_of(kind, k, how.mode, rows, classes));
    }
    if (how.mode == PLAIN) check_grad_alone(&args, a, kind, dtype, shape);
}

static uint64_t digest_shapes(int first, int after, pyce_loss kind, pyce_dtype dtype, setting how) {
    uint64_t digest = digest_start;
    arrays a = arrays_new(dtype);
    int k;
    for (k = first; k < after; k++) digest_shape(&digest, 1, &a, kind, dtype, k, how);
    arrays_free(&a);
    return digest;
}

static int has_fma(pyce_isa isa) {
#if defined(__x86_64__) && !defined(__FMA__)
    return isa != PYCE_ISA_BASELINE;
#elif defined(__x86_64__) || defined(__aarch64__) || defined(__s390x__) || defined(__riscv_fdiv) || \
    defined(__powerpc64__) || defined(__ARM_FEATURE_FMA)
    (void)isa;
    return 1;
#else
    (void)isa;
    return 0;
#endif
}

static void print_case(pyce_loss kind, pyce_dtype dtype, pyce_isa isa, int32_t threads, int mode,
                       int most) {
    arrays a = arrays_new(dtype);
    int shape, k;
    for (shape = 0; shape < most; shape++) {
        const setting how = {isa, 1 + (threads + shape) % MOST_THREADS, mode, 0};
        uint64_t digests[OUTPUTS];
        for (k = 0; k < OUTPUTS; k++) digests[k] = digest_start;
        digest_shape(digests, 0, &a, kind, dtype, shape, how);
        for (k = 0; k < OUTPUTS; k++) {
            if (!is_wanted(kind, k, mode)) continue;
            printf("%s%s %s (%ld, %ld) %s 0x%016llx\n", mode_names[mode], pyce_loss_name(kind), pyce_dtype_name(dtype),
                   (long)shapes[shape].rows, (long)shapes[shape].classes, output_names[k],
                   (unsigned long long)digests[k]);
        }
    }
    arrays_free(&a);
}

static int print_digests(const char *name, int most) {
    pyce_isa isa;
    pyce_loss kind;
    int d;
    for (isa = 1; pyce_isa_name(isa) && strcmp(pyce_isa_name(isa), name) != 0;) isa++;
    if (!pyce_isa_name(isa) || !pyce_isa_available(isa) || !has_fma(isa)) {
        fprintf(stderr, "%s: no such instruction set with fused multiply-add here\n", name);
        return 2;
    }
    for (kind = 1; pyce_loss_name(kind); kind++) {
        /* other numbers of threads for other types and instruction sets */
        for (d = 0; d < MODES * DTYPES; d++) {
            print_case(kind, dtypes[d % DTYPES], isa, 3 * kind + d + isa, d / DTYPES, most);
        }
    }
    return checks_failed != 0;
}

/* The reference digest, and that large problems have the same bits on one thread and on several. */
static void check_case(pyce_loss kind, int d, pyce_isa isa, int32_t threads, int mode) {
    const setting reference = {isa, threads, mode, 0}, one = {isa, 1, mode, 0};
    const setting several = {isa, 2 + threads % (MOST_THREADS - 1), mode, 1};
    const char *const loss = pyce_loss_name(kind), *const dtype = pyce_dtype_name(dtypes[d]);
    const uint64_t found = digest_shapes(0, REFERENCE_SHAPES, kind, dtypes[d], reference);
    CHECK_SAYING(found == expected[mode][kind - 1][d],
                 "%s%s %s on %s, %d threads: digest 0x%016llx, expected 0x%016llx", mode_names[mode], loss, dtype,
                 pyce_isa_name(isa), (int)threads, (unsigned long long)found,
                 (unsigned long long)expected[mode][kind - 1][d]);
    if ((kind + d + isa + mode) % 2) return; /* for the sake of emulators */
    CHECK_SAYING(digest_shapes(REFERENCE_SHAPES, SHAPES, kind, dtypes[d], one) ==
                     digest_shapes(REFERENCE_SHAPES, SHAPES, kind, dtypes[d], several),
                 "%s%s %s on %s: %d threads, started by a caller that rounds towards zero, differ from 1",
                 mode_names[mode], loss, dtype, pyce_isa_name(isa), (int)several.threads);
}

int main(int count, char **arguments) {
    pyce_loss kind;
    pyce_isa isa;
    int d, checked = 0;
    if (count > 1) return print_digests(arguments[1], count > 2 ? (int)strtol(arguments[2], NULL, 10) : SHAPES);
    for (isa = 1; pyce_isa_name(isa); isa++) {
        if (!pyce_isa_available(isa) || !has_fma(isa)) continue;
        for (kind = 1; pyce_loss_name(kind); kind++) {
            for (d = 0; d < MODES * DTYPES; d++) {
                check_case(kind, d % DTYPES, isa, 1 + checked++ % MOST_THREADS, d / DTYPES);
            }
        }
    }
    if (!checked) printf("no instruction set with fused multiply-add here: nothing to compare\n");
    return check_finish();
}
