// The losses of two rows, their gradient, and what an exception says; see pyce.hpp.
//
//     c++ -std=c++17 tutorial.cpp $(pyce config --cflags --libs) -o tutorial && ./tutorial
#include <cstdio>
#include <vector>

#include "pyce.hpp"

int main() {
    const std::vector<float> logits{2.0f, 0.5f, 1.0f, 0.1f, 1.0f, 3.0f};
    std::vector<int> labels{1, 2};
    std::vector<float> loss(2), grad(6);
    pyce::sparse_softmax_cross_entropy(logits, labels, {loss, grad});
    std::printf("loss %.9g %.9g\n", double(loss[0]), double(loss[1]));

    double mean = 0.0;
    pyce::options options;
    options.reduction = PYCE_REDUCTION_MEAN;
    pyce::sparse_softmax_cross_entropy(logits, labels, {{&mean, 1}, grad}, options);
    std::printf("mean %.17g\n", mean);

    labels[1] = 3;
    try {
        pyce::sparse_softmax_cross_entropy(logits, labels, {loss});
    } catch (const pyce::error& error) {
        std::printf("%s\n", error.what());
    }
    return 0;
}
