/* Crowd: a call keeps to one thread while another program keeps the other threads from their cores (parallel.c). The
 * library's clock is replaced by one that this test sets, and the number of times it is read tells how a call was
 * computed: 4 times for a region of threads, once more or once alone to see whether it is still crowded. */
#include "problem.h"

enum { READS = 5, SHARED = 4, ASKED_AND_SHARED = 5, ALONE = 1 };

#if defined(__ELF__)
static double clock_times[READS];
static int reads;

__attribute__((visibility("default"))) double omp_get_wtime(void);
double omp_get_wtime(void) {
    return clock_times[reads < READS ? reads++ : READS - 1];
}

/* A call at time `called` whose calling thread works for `worked` seconds and then waits. Returns how often the clock
 * was read. `asks`: whether the library first asks if it is crowded. */
static int call_at(const problem *p, const results *expected, int asks, double called, double worked, double waited) {
    const double times[READS] = {called, called, called, called + worked, called + worked + waited};
    for (int i = 0; i < READS; ++i) {
        clock_times[i] = times[asks || i + 1 == READS ? i : i + 1];
    }
    reads = 0;
    results own = problem_run(p, PYCE_ISA_AUTO, 2);
    check_same_results(p, expected, &own, "a crowd");
    results_free(&own);
    return reads;
}

static void test_calls_keep_to_one_thread_after_a_long_wait_and_longer_each_time(void) {
    problem p = problem_new(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT32, 4000, 10, DATA_PLAIN);
    results one = problem_run(&p, PYCE_ISA_AUTO, 1);
    CHECK(call_at(&p, &one, 0, 10.0, 1e-3, 0.5e-3) == SHARED); /* waits less than it works */
    CHECK(call_at(&p, &one, 0, 11.0, 1e-4, 0.5e-3) == SHARED); /* threads had to be woken */
    CHECK(call_at(&p, &one, 0, 12.0, 1e-4, 2e-3) == SHARED);   /* even so too long: alone for 20 ms */
    CHECK(call_at(&p, &one, 1, 12.015, 1e-4, 2e-3) == ALONE);
    CHECK(call_at(&p, &one, 1, 12.1, 1e-4, 1.5e-3) == ASKED_AND_SHARED); /* 40 ms, twice as long */
    CHECK(call_at(&p, &one, 1, 12.13, 1e-4, 0.0) == ALONE);
    CHECK(call_at(&p, &one, 1, 12.2, 1e-4, 0.5) == ASKED_AND_SHARED); /* at most a second */
    CHECK(call_at(&p, &one, 1, 13.6, 1e-4, 0.0) == ALONE);
    CHECK(call_at(&p, &one, 1, 13.8, 1e-4, 0.0) == ASKED_AND_SHARED);       /* no wait: all is forgotten */
    CHECK(call_at(&p, &one, 1, 13.8002, 1e-4, 0.5e-3) == ASKED_AND_SHARED); /* awake: 5 ms */
    CHECK(call_at(&p, &one, 1, 13.804, 1e-4, 0.0) == ALONE);
    CHECK(call_at(&p, &one, 1, 13.807, 1e-4, 0.0) == ASKED_AND_SHARED);
    results_free(&one);
    problem_free(&p);
}
#endif

int main(void) {
#if defined(__ELF__)
    if (pyce_openmp() > 0) {
        test_calls_keep_to_one_thread_after_a_long_wait_and_longer_each_time();
    }
#else
    printf("only in ELF can a program replace a function of a library\n");
#endif
    return check_finish();
}
