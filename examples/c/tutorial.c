/* The losses of two rows, and their gradient.
 *
 *     cc tutorial.c $(pyce config --cflags --libs) -o tutorial && ./tutorial */
#include <stdio.h>
#include "pyce.h"

int main(void) {
    const float logits[2 * 3] = {2.0f, 0.5f, 1.0f, 0.1f, 1.0f, 3.0f};
    const int64_t labels[2] = {1, 2};
    float loss[2], grad[2 * 3];
    pyce_error error = pyce_error_init();
    if (pyce_sparse_softmax_f32(logits, labels, 2, 3, loss, grad, &error) != PYCE_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    printf("%.9g %.9g\n", loss[0], loss[1]);
    return 0;
}
