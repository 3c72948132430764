/* The stack that a call takes is within the header's promise. Each call runs in a thread whose stack has been painted:
 * the paint that is gone afterwards is what the thread took, its own start and thread-local variables included. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define INSTRUMENTED 1
#endif
#endif
#if !defined(INSTRUMENTED)
#define INSTRUMENTED 0
#endif

enum {
    PROMISED = 192 * 1024 * (INSTRUMENTED ? 4 : 1), /* sanitizers put room around every variable */
    STACK = 4 * PROMISED,
    PAINT = 0x5a,
    MOST = 66000, /* elements: more than one segment of a long row */
    OUTPUTS = 8
};

/* Rows of several segments, which two threads share, of few classes, of several tiles. */
static const int64_t shapes[][2] = {{1, MOST}, {140, 3}, {20, 127}, {2, 3000}};
static const pyce_dtype dtypes[] = {PYCE_FLOAT32, PYCE_FLOAT64, PYCE_FLOAT16, PYCE_BFLOAT16};

static union { /* zeros are numbers of every type */
    double align;
    unsigned char bytes[8 * MOST];
} zeros, results[OUTPUTS];

/* Every option and every output, through all conversions: the layout is classes before rows. */
static pyce_args deepest_call(pyce_loss kind, pyce_dtype dtype, int64_t rows, int64_t classes, int32_t threads) {
    pyce_args args = pyce_args_rows(kind, dtype, &zeros, rows, classes, NULL, NULL);
    pyce_output *const outputs[OUTPUTS] = {&args.loss,     &args.grad,        &args.hess, &args.prob,
                                           &args.log_prob, &args.labels_grad, &args.hvp,  &args.lse};
    const int per_row = kind == PYCE_SOFTMAX || kind == PYCE_SPARSE_SOFTMAX;
    for (int k = 0; k < OUTPUTS; ++k) {
        if (outputs[k] == &args.lse && !per_row) continue;
        if (outputs[k] == &args.labels_grad && kind == PYCE_SPARSE_SOFTMAX) continue;
        *outputs[k] = pyce_output_2d(&results[k], dtype, 1, outputs[k] == &args.lse ? 0 : rows);
    }
    args.logits = args.labels = args.vector = pyce_input_2d(&zeros, dtype, 1, rows);
    if (kind == PYCE_SPARSE_SOFTMAX) args.labels = pyce_input_2d(&zeros, PYCE_UINT8, 1, 0);
    if (kind == PYCE_WEIGHTED) args.pos_weight = args.logits;
    if (per_row) args.class_weight = pyce_input_2d(&zeros, dtype, 0, 1);
    args.sample_weight = pyce_input_2d(&zeros, dtype, 1, per_row ? 0 : rows);
    args.reduction = PYCE_REDUCTION_MEAN;
    args.label_smoothing = 0.125;
    args.num_threads = threads;
    return args;
}

static void *compute(void *args) {
    CHECK(pyce_compute((const pyce_args *)args, NULL) == PYCE_OK);
    return NULL;
}

static size_t stack_taken(pyce_args *args) {
    pthread_attr_t attributes;
    pthread_t thread;
    void *stack = NULL;
    size_t untouched = 0;
    if (posix_memalign(&stack, 65536, STACK)) exit(1);
    memset(stack, PAINT, STACK);
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, stack, STACK) == 0);
    CHECK(pthread_create(&thread, &attributes, compute, args) == 0 && pthread_join(thread, NULL) == 0);
    while (untouched < STACK && ((const unsigned char *)stack)[untouched] == PAINT) ++untouched;
    pthread_attr_destroy(&attributes);
    free(stack);
    return STACK - untouched;
}

int main(void) {
    size_t most = 0;
    for (pyce_loss kind = 1; pyce_loss_name(kind) != NULL; ++kind) {
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; ++d) {
            /* no rows: all but the first are alike */
            const size_t first = kind == PYCE_SIGMOID || kind == PYCE_WEIGHTED;
            for (size_t s = first; s < sizeof shapes / sizeof *shapes; ++s) {
                pyce_args args = deepest_call(kind, dtypes[d], shapes[s][0], shapes[s][1], 1 + (int32_t)(s == 0));
                const size_t taken = stack_taken(&args);
                CHECK_SAYING(taken < PROMISED, "%s %s (%ld, %ld) takes %lu bytes of stack", pyce_loss_name(kind),
                             pyce_dtype_name(dtypes[d]), (long)shapes[s][0], (long)shapes[s][1], (unsigned long)taken);
                most = taken > most ? taken : most;
            }
        }
    }
    printf("at most %lu bytes of stack\n", (unsigned long)most);
    return check_finish();
}
