// pyce.hpp: the losses of pyce.h for C++17: containers in, exceptions out. One header, no dependency but pyce.
//
//     std::vector<float> logits{2.0f, 0.5f, 1.0f, 0.1f, 1.0f, 3.0f}, loss(2), grad(6);
//     std::vector<int> labels{1, 2};
//     pyce::sparse_softmax_cross_entropy(logits, labels, {loss, grad});
//
// Anything contiguous will do (std::vector, std::array, a C array, std::span, pointer and size), of float or double, in
// any mixture; index labels are of any integer type. Rows are contiguous, and their number follows from the sizes. What
// does not fit, and what pyce refuses, is an exception, and nothing is written then.
#ifndef PYCE_HPP
#define PYCE_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <pyce.h>

namespace pyce {

// What pyce refuses; what() is its sentence, the others say which argument and which element of it.
class error : public std::runtime_error {
  public:
    explicit error(const pyce_error& from)
        : std::runtime_error(from.message), status_(from.status), argument_(from.argument), index_(from.index) {}
    pyce_status status() const noexcept { return status_; }
    pyce_argument argument() const noexcept { return argument_; }
    std::int64_t index() const noexcept { return index_; } // -1: no element

  private:
    pyce_status status_;
    pyce_argument argument_;
    std::int64_t index_;
};

namespace detail {

template <class T>
constexpr pyce_dtype dtype_of() {
    if constexpr (std::is_same_v<T, float>) {
        return PYCE_FLOAT32;
    } else if constexpr (std::is_same_v<T, double>) {
        return PYCE_FLOAT64;
    } else {
        static_assert(std::is_integral_v<T> && !std::is_same_v<T, bool>, "float, double or an integer type");
        constexpr pyce_dtype first = std::is_signed_v<T> ? PYCE_INT8 : PYCE_UINT8;
        return first + (sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3);
    }
}

inline double nothing = 0.0; // where the elements of an empty container are: a null pointer means no array

// Elements of one type, which is known at run time: Pointer is const void* or void*.
template <class Pointer>
struct view {
    Pointer data = nullptr;
    std::size_t size = 0;
    pyce_dtype dtype = 0;

    view() = default;
    template <class T>
    view(T* elements, std::size_t count) : data(elements), size(count), dtype(dtype_of<std::remove_const_t<T>>()) {
        if (!elements) data = &nothing;
    }
    template <class Container, class = decltype(Pointer(std::data(std::declval<Container&>())))>
    // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): a view has no data() or size(), so it is not taken for one
    view(Container&& from) : view(std::data(from), std::size(from)) {}
};

} // namespace detail

using input = detail::view<const void*>;
using output = detail::view<void*>;

// What is to be computed; what is left empty is not. Of the softmax losses `loss` and `lse` have one element a row.
struct outputs {
    output loss, grad, hess, lse, prob, log_prob;

    outputs() = default;
    outputs(output loss_, output grad_ = {}) : loss(loss_), grad(grad_) {}
};

// Most of the options of pyce.h, section 1. Under a reduction `loss` has one element.
struct options {
    input sample_weight, class_weight;
    double label_smoothing = 0.0;
    pyce_reduction reduction = PYCE_REDUCTION_NONE;
    pyce_denominator denominator = PYCE_DENOMINATOR_WEIGHTS;
    double denominator_value = 0.0; // of PYCE_DENOMINATOR_VALUE
    std::optional<std::int64_t> ignore_index;
    std::int32_t num_threads = 0; // 0: as many as OpenMP would use
};

namespace detail {

inline void expect(const char* name, std::size_t found, std::size_t expected) {
    if (found == expected) return;
    throw std::invalid_argument(std::string(name) + " has " + std::to_string(found) + " elements, expected " +
                                std::to_string(expected));
}

struct shape {
    std::size_t rows, classes; // classes 0: no class axis
};

// One call: the struct of pyce.h from views whose sizes are checked.
class call {
  public:
    call(pyce_loss kind, input logits, shape of, const options& with) : of_(of), args_(pyce_args_init()) {
        args_.loss_kind = kind;
        args_.ndim = of.classes ? 2 : 1;
        args_.axis = of.classes ? 1 : 0;
        args_.shape[0] = static_cast<std::int64_t>(of.rows);
        args_.shape[1] = static_cast<std::int64_t>(of.classes);
        args_.logits = take("logits", logits, true);
        args_.sample_weight = take("sample_weight", with.sample_weight, false);
        if (with.class_weight.data) {
            if (of.classes) expect("class_weight", with.class_weight.size, of.classes);
            args_.class_weight = pyce_input_2d(with.class_weight.data, with.class_weight.dtype, 0, 1);
        }
        args_.label_smoothing = with.label_smoothing;
        args_.reduction = with.reduction;
        args_.denominator = with.denominator;
        args_.denominator_value = with.denominator_value;
        args_.has_ignore_index = with.ignore_index.has_value();
        args_.ignore_index = with.ignore_index.value_or(0);
        args_.num_threads = with.num_threads;
    }

    pyce_array take(const char* name, input from, bool per_class) const {
        if (!from.data) return pyce_array{};
        expect(name, from.size, size_of(per_class));
        const auto stride = row_stride(per_class);
        return pyce_input_2d(from.data, from.dtype, stride, 1);
    }

    pyce_output give(const char* name, output to, bool per_class) const {
        if (!to.data) return pyce_output{};
        expect(name, to.size, size_of(per_class));
        return pyce_output_2d(to.data, to.dtype, row_stride(per_class), 1);
    }

    void run(const outputs& to) {
        pyce_error failure = pyce_error_init();
        if (args_.reduction == PYCE_REDUCTION_NONE) {
            args_.loss = give("loss", to.loss, false);
        } else if (to.loss.data) {
            expect("loss", to.loss.size, 1);
            args_.loss = pyce_output_2d(to.loss.data, to.loss.dtype, 0, 0);
        }
        args_.grad = give("grad", to.grad, true);
        args_.hess = give("hess", to.hess, true);
        args_.lse = give("lse", to.lse, false);
        args_.prob = give("prob", to.prob, true);
        args_.log_prob = give("log_prob", to.log_prob, true);
        if (pyce_compute(&args_, &failure) != PYCE_OK) throw error(failure);
    }

    pyce_args& args() { return args_; }

  private:
    std::size_t size_of(bool per_class) const { return of_.rows * (per_class && of_.classes ? of_.classes : 1); }
    std::int64_t row_stride(bool per_class) const {
        return per_class && of_.classes ? static_cast<std::int64_t>(of_.classes) : 1;
    }

    shape of_;
    pyce_args args_;
};

inline shape rows_of(input logits, std::size_t rows) {
    if (rows == 0 && logits.size == 0) return {0, 1};
    if (rows == 0 || logits.size % rows != 0 || logits.size == 0) {
        throw std::invalid_argument("logits have " + std::to_string(logits.size) + " elements, which do not make " +
                                    std::to_string(rows) + " rows");
    }
    return {rows, logits.size / rows};
}

} // namespace detail

// Softmax cross entropy of every row, with the index of its class as label.
inline void sparse_softmax_cross_entropy(input logits, input labels, const outputs& to, const options& with = {}) {
    detail::call call(PYCE_SPARSE_SOFTMAX, logits, detail::rows_of(logits, labels.size), with);
    call.args().labels = call.take("labels", labels, false);
    call.run(to);
}

// Softmax cross entropy of every row, with a label for each of its classes.
inline void softmax_cross_entropy(input logits, input labels, std::size_t classes, const outputs& to,
                                  const options& with = {}) {
    if (classes == 0 || logits.size % classes != 0) {
        throw std::invalid_argument("logits have " + std::to_string(logits.size) +
                                    " elements, which do not make rows of " + std::to_string(classes) + " classes");
    }
    detail::call call(PYCE_SOFTMAX, logits, {logits.size / classes, classes}, with);
    call.args().labels = call.take("labels", labels, true);
    call.run(to);
}

// Binary cross entropy of every element.
inline void sigmoid_cross_entropy(input logits, input labels, const outputs& to, const options& with = {}) {
    detail::call call(PYCE_SIGMOID, logits, {logits.size, 0}, with);
    call.args().labels = call.take("labels", labels, true);
    call.run(to);
}

// The same, with the term of the label multiplied by a weight.
inline void weighted_cross_entropy(input logits, input labels, double pos_weight, const outputs& to,
                                   const options& with = {}) {
    detail::call call(PYCE_WEIGHTED, logits, {logits.size, 0}, with);
    call.args().labels = call.take("labels", labels, true);
    call.args().pos_weight = pyce_input_2d(&pos_weight, PYCE_FLOAT64, 0, 0);
    call.run(to);
}

} // namespace pyce

#endif
