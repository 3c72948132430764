// A C++ program that uses an installed pyce: the two losses of the header's example, in both types.
#include <cstdint>
#include <cstdio>
#include <vector>

#include <pyce.h>

int main() {
    const std::vector<float> logits{2.0f, 0.5f, 1.0f, 0.1f, 1.0f, 3.0f};
    const std::vector<double> wide(logits.begin(), logits.end());
    const std::vector<std::int64_t> labels{1, 2};
    std::vector<float> loss(2);
    std::vector<double> loss_wide(2);
    pyce_error error = pyce_error_init();
    pyce_args args = pyce_args_rows(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT64, wide.data(), 2, 3, loss_wide.data(), nullptr);
    args.labels = pyce_input_2d(labels.data(), PYCE_INT64, 1, 0);
    if (pyce_sparse_softmax_f32(logits.data(), labels.data(), 2, 3, loss.data(), nullptr, &error) != PYCE_OK ||
        pyce_compute(&args, &error) != PYCE_OK) {
        std::fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    std::printf("%.9g %.9g %.17g %.17g\n", double(loss[0]), double(loss[1]), loss_wide[0], loss_wide[1]);
    return 0;
}
