/* Calls pyce with structs that end where readable memory ends: whoever reads or writes a byte more is stopped. Built
 * with today's header, and with -DGROWN and one whose structs have a field more.
 *
 *     guarded_call good | bad_label | novel | size SIZE | error_size SIZE
 *
 * prints the status, the loss, and what the error says. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pyce.h"

/* The last `size` bytes before a page that cannot be touched, all 0x5a. */
static void *guarded(size_t size) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *start = (char *)mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || size > page || mprotect(start + page, page, PROT_NONE) != 0) {
        abort();
    }
    memset(start, 0x5a, page);
    return start + page - size;
}

int main(int count, char **words) {
    const float logits[2 * 3] = {2.0f, 0.5f, 1.0f, 0.1f, 1.0f, 3.0f};
    int64_t labels[2] = {1, 2};
    float loss[2] = {-1.0f, -1.0f};
    const char *what = count > 1 ? words[1] : "";
    const long long number = count > 2 ? atoll(words[2]) : 0;
    size_t error_size = strcmp(what, "error_size") == 0 ? (size_t)number : sizeof(pyce_error);
    pyce_args *args = (pyce_args *)guarded(sizeof *args);
    pyce_error *error = (pyce_error *)guarded(error_size), written = pyce_error_init();
    pyce_status status;

    *args = pyce_args_rows(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT32, logits, 2, 3, loss, NULL);
    args->labels = pyce_input_2d(labels, PYCE_INT64, 1, 0);
    memcpy(error, &written, error_size < sizeof written ? error_size : sizeof written);
    error->struct_size = (int64_t)error_size;
    if (strcmp(what, "bad_label") == 0 || strcmp(what, "error_size") == 0) {
        labels[1] = 3;
    } else if (strcmp(what, "size") == 0) {
        args->struct_size = number;
    }
#if defined(GROWN)
    error->detail = -5;
    if (strcmp(what, "novel") == 0) {
        args->novel = 77;
    }
#endif
    status = pyce_compute(args, error);
    memcpy(&written, error, error_size < sizeof written ? error_size : sizeof written);
    printf("status %d loss %.9g %.9g error_size %lld index %lld value %lld argument %d ", (int)status, (double)loss[0],
           (double)loss[1], (long long)written.struct_size, (long long)written.index, (long long)written.value,
           (int)written.argument);
#if defined(GROWN)
    printf("detail %lld ", (long long)written.detail);
#endif
    for (size_t i = sizeof written; i < error_size; ++i) {
        if (((unsigned char *)error)[i] != 0x5a) {
            printf("written beyond its end ");
            break;
        }
    }
    printf("message %s\n", written.message);
    return 0;
}
