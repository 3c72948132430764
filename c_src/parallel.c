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
#define HAVE_PTHREADS 1
#else
#define HAVE_PTHREADS 0
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

#if HAVE_PTHREADS
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
#if HAVE_PTHREADS
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

#if defined(_OPENMP)
/* A core that is busy with something else holds its thread up for time slices, and with it all that wait at the end of
 * the region: beside one competing process on two cores, calls of 0.1 to 1 ms took 2 to 120 times as long as on one
 * thread. After a region in which the calling thread has waited longer than it has worked, calls therefore keep to one
 * thread for a while: ten times as long as was lost, then twice as long each time. Then they take 0.9 to 1.1 times as
 * long. A region that had to wake its threads, asleep since a millisecond after the last one, may wait that long: it
 * takes 0.1 to 0.2 ms on a quiet machine, and says nothing about the next region. */
enum { MOST_ALONE = 1 }; /* seconds */
static const double SHORT_WAIT = 100e-6, ALONE_PER_WAIT = 10.0, AWAKE = 1e-3, WAKING = 1e-3;
static double alone_until = 0.0, alone_for = 0.0, last_end = 0.0;

/* MSVC's OpenMP 2.0 has no such atomics; a stale number costs time alone. */
static double read_number(const double *from) {
    double value;
#if _OPENMP >= 201107
#pragma omp atomic read
#endif
    value = *from;
    return value;
}

static void write_number(double *to, double value) {
    (void)value; /* gcc 12 does not see that it is used */
#if _OPENMP >= 201107
#pragma omp atomic write
#endif
    *to = value;
}

static int is_crowded(void) {
    const double until = read_number(&alone_until);
    return until != 0.0 && omp_get_wtime() < until;
}

/* A region lasted from `called` to `now`; the calling thread worked for `worked` seconds of it. */
static void note_region(double called, double now, double worked) {
    const double waited = now - called - worked, before = read_number(&alone_for);
    const int asleep = called - read_number(&last_end) > AWAKE;
    double next;
    write_number(&last_end, now);
    if (waited < SHORT_WAIT || waited < worked) {
        if (before != 0.0) write_number(&alone_for, 0.0);
        return;
    }
    if (asleep && waited < WAKING) return;
    next = 2.0 * before > ALONE_PER_WAIT * waited ? 2.0 * before : ALONE_PER_WAIT * waited;
    next = next < MOST_ALONE ? next : MOST_ALONE;
    write_number(&alone_for, next);
    write_number(&alone_until, now + next);
}

#if HAVE_PTHREADS
/* libgomp and libomp end the process if they cannot start a thread, be it for a limit on processes or on memory. Before
 * the calling thread has a larger team than the last time (a smaller one lets threads go), as many threads are started
 * and ended here, 30 us each. What others start or let go meanwhile is not seen. */
static int last_team = 1;
#pragma omp threadprivate(last_team)

/* Starts `left` threads, each from the one before, so that all are there at once; -1 is left if one cannot be. */
static void *start_threads(void *left) {
    int *count = (int *)left;
    pthread_t next;
    if (*count == 0) return NULL;
    --*count;
    if (pthread_create(&next, NULL, start_threads, count) == 0) {
        pthread_join(next, NULL);
    } else {
        *count = -1;
    }
    return NULL;
}

static int can_start(int team) {
    int left = team - 1, cancelable;
    if (team > last_team) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable); /* pthread_join would end the caller here */
        start_threads(&left);
        pthread_setcancelstate(cancelable, &cancelable);
    }
    if (left < 0) return 0;
    last_team = team;
    return 1;
}
#else
static int can_start(int team) {
    (void)team;
    return 1;
}
#endif

static void share_work(pyce_work work, void *context, int64_t count, int team) {
    const double called = omp_get_wtime();
    double begun, done;
#pragma omp parallel num_threads(team)
    {
        const environment saved = enter_default();
        /* libgomp waits before a region, too, for threads that are late from the last */
#pragma omp master
        begun = omp_get_wtime();
        /* dynamic: one thread that is late must not keep its share waiting */
#pragma omp for schedule(dynamic) nowait
        for (int64_t i = 0; i < count; i++) work(context, i);
        leave_default(saved);
#pragma omp master
        done = omp_get_wtime();
    }
    note_region(called, omp_get_wtime(), done - begun);
}
#endif

void pyce_parallel_for(pyce_work work, void *context, int64_t count, int32_t threads) {
    int64_t i;
#if defined(_OPENMP)
    /* A plain `if`: an OpenMP region whose if() clause is false still costs 350 ns. */
    if (threads > 1 && count > 1 && !is_crowded()) {
        const int team = count < threads ? (int)count : (int)threads;
        if (can_start(team)) {
            share_work(work, context, count, team);
            return;
        }
    }
#endif
    (void)threads;
    for (i = 0; i < count; i++) work(context, i);
}
