/* Runs the fuzzer without libFuzzer: on files, and on pseudo-random inputs.
 *
 *   fuzz_compute [--runs N] [--seed S] [FILE ...]
 *
 * An input that crashes, hangs or fails a check is written to crash-input; `fuzz_compute crash-input` repeats it. */
#define _POSIX_C_SOURCE 200809L
#include "call.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 16, PATIENCE = 60, BETWEEN_ALARMS = 256 };

static uint8_t input[MOST_BYTES];
static size_t input_bytes;

static void keep_input(int signal_number) {
    static const char words[] = "the input is kept in crash-input\n";
    const int file = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const int written = file >= 0 && write(file, input, input_bytes) == (ssize_t)input_bytes;
    if (written && write(STDERR_FILENO, words, sizeof words - 1) < 0) _exit(1);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run_input(void) {
    alarm(PATIENCE); /* SIGALRM: it hangs */
    LLVMFuzzerTestOneInput(input, input_bytes);
}

static void run_file(const char *name) {
    FILE *file = fopen(name, "rb");
    if (!file) {
        perror(name);
        exit(1);
    }
    input_bytes = fread(input, 1, sizeof input, file);
    fclose(file);
    run_input();
}

static void run_random(long runs, uint64_t seed) {
    bytes from = {NULL, NULL, seed};
    long i;
    for (i = 0; i < runs; i++) {
        size_t k;
        input_bytes = 48 + next_random(&from) % 208;
        for (k = 0; k < input_bytes; k += 8) {
            const uint64_t word = next_random(&from);
            memcpy(input + k, &word, 8);
        }
        if (i % BETWEEN_ALARMS == 0) alarm(PATIENCE);
        LLVMFuzzerTestOneInput(input, input_bytes);
    }
}

static void report(double seconds) {
    int i;
    printf("%ld inputs, %.0f a second: %ld executed, of which %ld repeated in another form; %ld not to be run\n",
           done.inputs, (double)done.inputs / seconds, done.inputs - done.not_run, done.repeated, done.not_run);
    for (i = 0; i <= HIGHEST_STATUS; i++) {
        if (pyce_status_name(i)) printf("%-24s %ld\n", pyce_status_name(i), done.status[i]);
    }
}

int main(int count, char **words) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM};
    struct timespec begun, ended;
    long runs = 0;
    uint64_t seed = 1;
    int i;
    for (i = 0; i < (int)(sizeof signals / sizeof *signals); i++) signal(signals[i], keep_input);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (i = 1; i < count; i++) {
        if (!strcmp(words[i], "--runs") && i + 1 < count) runs = strtol(words[++i], NULL, 10);
        else if (!strcmp(words[i], "--seed") && i + 1 < count) seed = strtoull(words[++i], NULL, 10);
        else run_file(words[i]);
    }
    run_random(runs, seed);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    report((double)(ended.tv_sec - begun.tv_sec) + 1e-9 * (double)(ended.tv_nsec - begun.tv_nsec));
    return 0;
}
