/* pyce_compute allocates nothing: it computes the same while every allocation of the process fails. With one thread;
 * with two that cannot be started, since that takes memory; and with two that are there already. */
#include "problem.h"

void fail_allocations(long from, long to);
long end_allocations(void);

static const int64_t shapes[][2] = {{4000, 10}, {100, 1000}, {20, 5000}, {1, 150000}, {1, 1}};

static long compare(pyce_loss kind, pyce_dtype dtype, int64_t rows, int64_t classes, int32_t threads) {
    problem p = problem_new(kind, dtype, rows, classes, DATA_PLAIN);
    results expected = problem_run(&p, PYCE_ISA_AUTO, 1);
    results got = results_new(&p);
    pyce_args args = problem_args(&p, &got);
    pyce_error error = pyce_error_init();
    args.num_threads = threads;
    fail_allocations(1, 1000000);
    const pyce_status status = pyce_compute(&args, &error);
    args.ndim = -1;
    const pyce_status refused = pyce_compute(&args, &error);
    const long count = end_allocations();
    CHECK(status == PYCE_OK && refused == PYCE_ERROR_NDIM);
    check_same_results(&p, &expected, &got, "failing allocations");
    results_free(&expected);
    results_free(&got);
    problem_free(&p);
    return count;
}

/* How many allocations were asked for. */
static long compare_all(int32_t threads) {
    long count = 0;
    for (pyce_loss kind = 1; pyce_loss_name(kind) != NULL; ++kind) {
        for (pyce_dtype dtype = PYCE_FLOAT32; dtype <= PYCE_FLOAT64; ++dtype) {
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; ++s) {
                count += compare(kind, dtype, shapes[s][0], shapes[s][1], threads);
            }
        }
    }
    return count;
}

int main(void) {
    fail_allocations(1, 2);
    void *block = malloc(1);
    CHECK_SAYING(block == NULL && end_allocations() == 1, "the failing allocator is not the one in use");
    CHECK(compare_all(1) == 0);
    if (pyce_max_threads() > 1) CHECK_SAYING(compare_all(2) > 0, "the threads were there already");
    problem p = problem_new(PYCE_SIGMOID, PYCE_FLOAT32, 1000, 1000, DATA_PLAIN);
    results r = problem_run(&p, PYCE_ISA_AUTO, 2); /* starts them */
    CHECK(compare_all(2) == 0);
    results_free(&r);
    problem_free(&p);
    return check_finish();
}
