/* Threads: any number of them gives the same bits, and a child forked after a parallel region computes. */
#define _POSIX_C_SOURCE 200809L
#if defined(__unix__) || defined(__APPLE__)
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#define HAVE_FORK 1
#else
#define HAVE_FORK 0
#endif

#include "problem.h"

static const int64_t shapes[][2] = {{4000, 10}, {100, 1000}, {20, 5000}, {1, 150000}, {3, 50001}, {1, 1}};

static void test_any_number_of_threads_gives_the_same_bits(pyce_loss kind, pyce_dtype dtype) {
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; ++s) {
        problem p = problem_new(kind, dtype, shapes[s][0], shapes[s][1], DATA_PLAIN);
        results one = problem_run(&p, PYCE_ISA_AUTO, 1);
        for (int32_t threads = 3; threads <= 8; threads += 5) {
            char setting[32];
            snprintf(setting, sizeof setting, "%d threads", (int)threads);
            results many = problem_run(&p, PYCE_ISA_AUTO, threads);
            check_same_results(&p, &one, &many, setting);
            results_free(&many);
        }
        results_free(&one);
        problem_free(&p);
    }
}

#if HAVE_FORK
/* A hang is the fear here (gcc's OpenMP run-time waits for threads that the child does not have): an alarm ends it. */
static void test_a_forked_child_computes(void) {
    problem p = problem_new(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT32, 400, 1000, DATA_PLAIN);
    results parent = problem_run(&p, PYCE_ISA_AUTO, 4);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        const long failed_before = checks_failed;
        results own = problem_run(&p, PYCE_ISA_AUTO, 4);
        check_same_results(&p, &parent, &own, "fork");
        fflush(stdout);
        _exit(checks_failed == failed_before ? 0 : 1);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_SAYING(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with wait status %d", status);
    results after = problem_run(&p, PYCE_ISA_AUTO, 4);
    check_same_results(&p, &parent, &after, "4 threads after a fork");
    results_free(&parent);
    results_free(&after);
    problem_free(&p);
}
#endif

int main(void) {
    for (pyce_loss kind = 1; pyce_loss_name(kind) != NULL; ++kind) {
        for (pyce_dtype dtype = PYCE_FLOAT32; dtype <= PYCE_FLOAT64; ++dtype) {
            test_any_number_of_threads_gives_the_same_bits(kind, dtype);
        }
    }
#if HAVE_FORK
    test_a_forked_child_computes();
#endif
    return check_finish();
}
