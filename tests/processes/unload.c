/* `unload LIBRARY`: the library is loaded, computes with two threads and is unloaded; then its threads, which wait for
 * work, must still have their code. */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pyce.h"

typedef pyce_status (*verb)(const pyce_args *, pyce_error *);

enum { COUNT = 1000000 };
static float logits[COUNT], labels[COUNT], loss[COUNT];

static int compute_and_unload(const char *path) {
    const struct timespec while_threads_wait = {0, 50000000};
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "pyce_compute") : NULL;
    verb compute;
    if (!symbol) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    memcpy(&compute, &symbol, sizeof compute);
    pyce_args args = pyce_args_elements(PYCE_SIGMOID, PYCE_FLOAT32, logits, labels, COUNT, loss, NULL);
    args.num_threads = 2;
    const pyce_status status = compute(&args, NULL);
    dlclose(library);
    nanosleep(&while_threads_wait, NULL);
    return status != PYCE_OK || loss[COUNT - 1] < 0.6931f || loss[COUNT - 1] > 0.6932f;
}

int main(int count, char **arguments) {
    for (int i = 0; i < 3; ++i) {
        if (count != 2 || compute_and_unload(arguments[1])) return 1;
    }
    return 0;
}
