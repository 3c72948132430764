/* Callers: many threads of the caller's own, each of which computes and lets the library use threads, from the very
 * first call on; and a caller that is inside a parallel region. Meant to be run under ThreadSanitizer too. */
#if defined(__unix__) || defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#define HAVE_PTHREADS 1
#else
#define HAVE_PTHREADS 0
#endif

#include "problem.h"

/* Each caller has up to three threads. The libomp of LLVM 14 has room for 24 (with two processors) and crashes now and
 * then when one caller makes room for more while another starts its threads, in a program without pyce too. */
#if defined(__clang__)
enum { CALLERS = 7 };
#else
enum { CALLERS = 16 };
#endif
enum { CALLS = 4, PROBLEMS = 4 };

static const int64_t shapes[PROBLEMS][2] = {{4000, 10}, {100, 1000}, {1, 150000}, {1, 1}};

#if defined(__ELF__)
/* The library keeps to one thread while it finds others late by this clock (parallel.c). It stands still here, so that
 * every call uses its threads, however busy the machine is. */
__attribute__((visibility("default"))) double omp_get_wtime(void);
double omp_get_wtime(void) {
    return 0.0;
}
#endif

static problem problems[PROBLEMS];
static results expected[PROBLEMS];

typedef struct outcome {
    int calls, same;
} outcome;

static int is_same(const problem *p, const results *a, const results *b) {
    for (int k = 0; k < OUTPUTS; ++k) {
        if (memcmp(a->data[k], b->data[k], (size_t)a->count[k] * size_of(p->dtype)) != 0) {
            return 0;
        }
    }
    return 1;
}

/* Every problem, in an order of the caller's own. Counts for itself: CHECK is for one thread. */
static outcome call_often(int caller, const results *own) {
    outcome found = {0, 0};
    for (int i = 0; i < CALLS * PROBLEMS; ++i) {
        const int k = (caller + i) % PROBLEMS;
        pyce_args args = problem_args(problems + k, own + k);
        pyce_error error = pyce_error_init();
        args.num_threads = 1 + (caller + i) % 3;
        found.calls += pyce_compute(&args, &error) == PYCE_OK;
        found.same += expected[k].data[0] == NULL || is_same(problems + k, own + k, expected + k);
    }
    return found;
}

static void results_for_all(results *own) {
    for (int k = 0; k < PROBLEMS; ++k) {
        own[k] = results_new(problems + k);
    }
}

static void free_all(results *own) {
    for (int k = 0; k < PROBLEMS; ++k) {
        results_free(own + k);
    }
}

#if HAVE_PTHREADS
typedef struct caller {
    pthread_t thread;
    int number;
    results own[PROBLEMS];
    outcome found;
} caller;

static void *run_caller(void *context) {
    caller *now = (caller *)context;
    now->found = call_often(now->number, now->own);
    return NULL;
}

/* The first calls of the process: nothing has been detected yet, and there is nothing to compare with until the end. */
static void test_many_callers_at_once_get_what_one_gets(void) {
    static caller callers[CALLERS];
    for (int i = 0; i < CALLERS; ++i) {
        callers[i].number = i;
        results_for_all(callers[i].own);
    }
    for (int i = 0; i < CALLERS; ++i) {
        CHECK(pthread_create(&callers[i].thread, NULL, run_caller, callers + i) == 0);
    }
    for (int i = 0; i < CALLERS; ++i) {
        CHECK(pthread_join(callers[i].thread, NULL) == 0);
    }
    for (int k = 0; k < PROBLEMS; ++k) {
        const results one = problem_run(problems + k, PYCE_ISA_AUTO, 1);
        expected[k] = one;
    }
    for (int i = 0; i < CALLERS; ++i) {
        CHECK_SAYING(callers[i].found.calls == CALLS * PROBLEMS, "caller %d: %d good calls", i, callers[i].found.calls);
        for (int k = 0; k < PROBLEMS; ++k) {
            CHECK_SAYING(is_same(problems + k, callers[i].own + k, expected + k), "caller %d: other results", i);
        }
        free_all(callers[i].own);
    }
}
#endif

static void test_call_inside_a_parallel_region_is_the_same(void) {
    results own[4][PROBLEMS];
    outcome found[4];
    for (int i = 0; i < 4; ++i) {
        results_for_all(own[i]);
    }
#if defined(_OPENMP)
#pragma omp parallel for num_threads(4)
#endif
    for (int i = 0; i < 4; ++i) {
        found[i] = call_often(i, own[i]);
    }
    for (int i = 0; i < 4; ++i) {
        CHECK_SAYING(found[i].calls == CALLS * PROBLEMS && found[i].same == CALLS * PROBLEMS,
                     "thread %d: %d good calls, %d of the same results", i, found[i].calls, found[i].same);
        free_all(own[i]);
    }
}

int main(void) {
    for (int k = 0; k < PROBLEMS; ++k) {
        const pyce_loss kind = 1 + k;
        problems[k] = problem_new(kind, k % 2 ? PYCE_FLOAT64 : PYCE_FLOAT32, shapes[k][0], shapes[k][1], DATA_PLAIN);
    }
#if HAVE_PTHREADS
    test_many_callers_at_once_get_what_one_gets();
#else
    for (int k = 0; k < PROBLEMS; ++k) {
        expected[k] = problem_run(problems + k, PYCE_ISA_AUTO, 1);
    }
#endif
    test_call_inside_a_parallel_region_is_the_same();
    for (int k = 0; k < PROBLEMS; ++k) {
        results_free(expected + k);
        problem_free(problems + k);
    }
    return check_finish();
}
