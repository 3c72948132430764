/* memory_tmpl.h: loads to and stores from the compute type, for each storage type. A matrix in scratch is
 * (classes, rows) with the rows padded to a multiple of VECTOR_ROWS. Template, see formulas_tmpl.h. */

#define LOAD_STORE(stored, dtype)                                                                                     \
    static void NAME(load_##dtype)(void *to_data, const void *from_data, int64_t stride, int64_t n) {                 \
        real *restrict to = (real *)to_data;                                                                          \
        const stored *restrict from = (const stored *)from_data;                                                      \
        int64_t i;                                                                                                    \
        if (stride == 1) {                                                                                            \
            for (i = 0; i < n; i++) to[i] = (real)from[i];                                                            \
        } else {                                                                                                      \
            for (i = 0; i < n; i++) to[i] = (real)from[i * stride];                                                   \
        }                                                                                                             \
    }                                                                                                                 \
    static void NAME(store_##dtype)(void *to_data, const void *from_data, int64_t stride, int64_t n) {                \
        stored *restrict to = (stored *)to_data;                                                                      \
        const real *restrict from = (const real *)from_data;                                                          \
        int64_t i;                                                                                                    \
        if (stride == 1) {                                                                                            \
            for (i = 0; i < n; i++) to[i] = (stored)from[i];                                                          \
        } else {                                                                                                      \
            for (i = 0; i < n; i++) to[i * stride] = (stored)from[i];                                                 \
        }                                                                                                             \
    }                                                                                                                 \
    static void NAME(store_doubles_##dtype)(void *to_data, const double *restrict from, int64_t stride, int64_t n) {  \
        stored *restrict to = (stored *)to_data;                                                                      \
        int64_t i;                                                                                                    \
        for (i = 0; i < n; i++) to[i * stride] = (stored)(real)from[i];                                               \
    }                                                                                                                 \
    static void NAME(load_matrix_##dtype)(void *to_data, int64_t to_rows, const void *from_data, int64_t row_stride,  \
                                          int64_t class_stride, int64_t rows, int64_t classes) {                      \
        real *restrict to = (real *)to_data;                                                                          \
        const stored *restrict from = (const stored *)from_data;                                                      \
        int64_t c, r;                                                                                                 \
        for (c = 0; c < classes; c++) {                                                                               \
            for (r = rows; r < to_rows; r++) to[c * to_rows + r] = 0;                                                 \
        }                                                                                                             \
        if (row_stride == 1) {                                                                                        \
            for (c = 0; c < classes; c++) NAME(load_##dtype)(to + c * to_rows, from + c * class_stride, 1, rows);     \
        } else {                                                                                                      \
            for (r = 0; r < rows; r++) {                                                                              \
                for (c = 0; c < classes; c++) {                                                                       \
                    to[c * to_rows + r] = (real)from[r * row_stride + c * class_stride];                              \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
    }                                                                                                                 \
    static void NAME(store_matrix_##dtype)(void *to_data, int64_t row_stride, int64_t class_stride,                   \
                                           const void *from_data, int64_t from_rows, int64_t rows, int64_t classes) { \
        stored *restrict to = (stored *)to_data;                                                                      \
        const real *restrict from = (const real *)from_data;                                                          \
        int64_t c, r;                                                                                                 \
        if (row_stride == 1) {                                                                                        \
            for (c = 0; c < classes; c++) NAME(store_##dtype)(to + c * class_stride, from + c * from_rows, 1, rows);  \
        } else {                                                                                                      \
            for (r = 0; r < rows; r++) {                                                                              \
                for (c = 0; c < classes; c++) {                                                                       \
                    to[r * row_stride + c * class_stride] = (stored)from[c * from_rows + r];                          \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
    }

LOAD_STORE(float, float32)
LOAD_STORE(double, float64)
#undef LOAD_STORE

/* Everything of this compute type. */
#define KERNEL_SET                                                                                                  \
    {                                                                                                               \
        (int64_t)sizeof(real), {NULL, NAME(load_float32), NAME(load_float64)},                                      \
            {NULL, NAME(store_float32), NAME(store_float64)},                                                       \
            {NULL, NAME(load_matrix_float32), NAME(load_matrix_float64)},                                           \
            {NULL, NAME(store_matrix_float32), NAME(store_matrix_float64)},                                         \
            {NULL, NAME(store_doubles_float32), NAME(store_doubles_float64)}, NAME(state_along), NAME(state_lanes), \
            NAME(normalise), NAME(combine), NAME(losses), NAME(constants),                                          \
            {NAME(along_grad), NAME(along_hess), NAME(along_grad_hess), NAME(along_prob), NAME(along_log_prob)},    \
            {NAME(lanes_grad), NAME(lanes_hess), NAME(lanes_grad_hess), NAME(lanes_prob), NAME(lanes_log_prob)},    \
            NAME(coefficients_of), {                                                                                \
            NULL, NAME(binary_1), NAME(binary_2), NAME(binary_3), NAME(binary_4), NAME(binary_5), NAME(binary_6),   \
                NAME(binary_7), NAME(binary_prob_loop), NAME(binary_log_prob_loop)                                  \
        }                                                                                                           \
    }
