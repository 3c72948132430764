/* parallel.c: threads. One parallel-for over blocks; OpenMP appears nowhere else. The blocks are fixed by the shape
 * alone and each result is computed within one, so results do not depend on how many threads there are. */
#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L
#endif
#include "internal.h"

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(_OPENMP) && !defined(_WIN32)
#include <pthread.h>
#define HAVE_ATFORK 1
#else
#define HAVE_ATFORK 0
#endif

enum { MOST_THREADS = 64 }; /* of a call, on a machine with fewer processors */

/* The floating-point environment ---------------------------------------------------------------------------------
 * Other libraries switch flush-to-zero on for a whole thread, which would turn tiny losses into 0. Only the control
 * word is exchanged: saving all of the environment costs more than a small call. */
#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
typedef unsigned int environment;
static environment enter_default(void) {
    const environment saved = _mm_getcsr();
    _mm_setcsr(0x1f80u);
    return saved;
}
static void leave_default(environment saved) {
    _mm_setcsr(saved);
}
#elif defined(__aarch64__) && defined(__GNUC__)
typedef uint64_t environment;
static environment enter_default(void) {
    environment saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" : : "r"((environment)0));
    return saved;
}
static void leave_default(environment saved) {
    __asm__ volatile("msr fpcr, %0" : : "r"(saved));
}
#else
#include <fenv.h>
typedef fenv_t environment;
static environment enter_default(void) {
    environment saved;
    fegetenv(&saved);
    fesetenv(FE_DFL_ENV);
    return saved;
}
static void leave_default(environment saved) {
    fesetenv(&saved);
}
#endif

#if HAVE_ATFORK
/* libgomp's threads do not exist in a forked child, but its pool believes they do and a parallel region waits for them
 * for ever (gcc 12 and 16). A child therefore runs on one thread. */
static int forked = 0;

static void in_child(void) {
    forked = 1;
}

__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(NULL, NULL, in_child);
}
#endif

int32_t pyce_max_threads(void) {
    return pyce_thread_limit(0);
}

int32_t pyce_openmp(void) {
#if defined(_OPENMP)
    return _OPENMP;
#else
    return 0;
#endif
}

int32_t pyce_thread_limit(int32_t num_threads) {
#if defined(_OPENMP)
    int32_t most;
#if HAVE_ATFORK
    if (forked) return 1;
#endif
    if (omp_in_parallel()) return 1;
    if (num_threads == 0) return (int32_t)omp_get_max_threads();
    /* libgomp ends the process if it cannot start a thread; results do not depend on how many there are */
    most = omp_get_num_procs() > MOST_THREADS ? (int32_t)omp_get_num_procs() : MOST_THREADS;
    return num_threads < most ? num_threads : most;
#else
    (void)num_threads;
    return 1;
#endif
}

void pyce_in_default_environment(pyce_work work, void *context) {
    const environment saved = enter_default();
    work(context, 0);
    leave_default(saved);
}

void pyce_parallel_for(pyce_work work, void *context, int64_t count, int32_t threads) {
    int64_t i;
    /* A plain `if`: an OpenMP region whose if() clause is false still costs 350 ns. */
    if (threads <= 1 || count <= 1) {
        for (i = 0; i < count; i++) work(context, i);
        return;
    }
#if defined(_OPENMP)
    {
        const int team = count < threads ? (int)count : (int)threads;
#pragma omp parallel num_threads(team)
        {
            const environment saved = enter_default();
            /* dynamic: a thread whose core is busy with something else must not hold up the rest */
#pragma omp for schedule(dynamic)
            for (i = 0; i < count; i++) work(context, i);
            leave_default(saved);
        }
    }
#endif
}
