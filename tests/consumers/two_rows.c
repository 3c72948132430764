/* A C program that uses an installed pyce: the two losses of the header's example, in both types. */
#include <stdio.h>

#include "pyce.h"

int main(void) {
    const float logits[6] = {2.0f, 0.5f, 1.0f, 0.1f, 1.0f, 3.0f};
    const int64_t labels[2] = {1, 2};
    double wide[6], loss_wide[2];
    float loss[2], grad[6];
    pyce_error error = pyce_error_init();
    for (int i = 0; i < 6; ++i) {
        wide[i] = (double)logits[i];
    }
    if (pyce_sparse_softmax_f32(logits, labels, 2, 3, loss, grad, &error) != PYCE_OK ||
        pyce_sparse_softmax_f64(wide, labels, 2, 3, loss_wide, NULL, &error) != PYCE_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    printf("%.9g %.9g %.17g %.17g\n", (double)loss[0], (double)loss[1], loss_wide[0], loss_wide[1]);
    return 0;
}
